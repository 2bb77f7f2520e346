//! The serde definitions of the frames: what [`Decode`](crate::codec::Decode) must agree with.
//!
//! Tests and fuzz targets feed both with the same text. Behind a feature, because nothing else needs
//! them and they are a good part of what there is to compile.

/// Implements `Deserialize` for what [`frame!`](crate::json::frame) declares.
macro_rules! reference {
    ($name:ident $(<$lt:lifetime>)? {
        $( $field:ident: $type:ty => $member:literal $(| $alias:literal)*; )*
    }) => {
        impl<'de $(: $lt, $lt)?> serde::Deserialize<'de> for $name $(<$lt>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members $(<$lt>(std::marker::PhantomData<&$lt ()>))?;

                impl<'de $(: $lt, $lt)?> serde::de::Visitor<'de> for Members $(<$lt>)? {
                    type Value = $name $(<$lt>)?;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    // The usual refusal quotes the string, which may be a secret in the wrong place.
                    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
                        Err(E::invalid_type(serde::de::Unexpected::Other("a string"), &self))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut frame = Self::Value::default();
                        while let Some(name) = map.next_key::<$crate::json::Str<'de>>()? {
                            match &*name.decode() {
                                $( $member $(| $alias)* => {
                                    frame.$field = map.next_value::<Option<$type>>()?.unwrap_or_default();
                                } )*
                                _ => {
                                    let value = map.next_value::<$crate::json::Raw<'de>>()?;
                                    frame.extra.push($crate::json::frame!(@other name value $($lt)?));
                                }
                            }
                        }
                        Ok(frame)
                    }
                }

                // Not `deserialize_map`, which refuses strings by itself and quotes them.
                deserializer.deserialize_any($crate::json::reference!(@members $($lt)?))
            }
        }
    };
    (@members $lt:lifetime) => { Members(std::marker::PhantomData) };
    (@members) => { Members };
}

pub(crate) use reference;
