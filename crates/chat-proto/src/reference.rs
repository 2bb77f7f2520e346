//! The serde definitions of the frames: what [`Decode`](crate::codec::Decode) must agree with.
//!
//! Tests and fuzz targets feed both with the same text. Behind a feature, because nothing else needs
//! them and they are a good part of what there is to compile.

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::json::{Raw, Str};

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Self::scanned(raw.get()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        let inner =
            raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).ok_or_else(|| {
                de::Error::invalid_type(de::Unexpected::Other("another kind of value"), &"a string")
            })?;
        Ok(Self::scanned(inner, inner.contains('\\')))
    }
}

#[cfg(feature = "c2c")]
impl<'de: 'a, 'a> Deserialize<'de> for crate::c2c::Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            serde_json::from_str(raw)
                .map(|text: Str<'_>| Self::string(text))
                .map_err(de::Error::custom)
        } else {
            Ok(Self::bare(raw))
        }
    }
}

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
                deserializer.deserialize_any($crate::reference::reference!(@members $($lt)?))
            }
        }
    };
    (@members $lt:lifetime) => { Members(std::marker::PhantomData) };
    (@members) => { Members };
}

pub(crate) use reference;
