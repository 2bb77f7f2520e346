//! The macro that declares what a JSON object holds.

/// Declares a struct that mirrors a JSON object.
///
/// Each field names its member, perhaps further spellings that are read (`| "acs"`), and whether it
/// is written even when it is the default (`always`). The macro gives:
///
/// * [`Decode`](crate::codec::Decode), the hot path: predicts the members in the order of the
///   declaration, each with one compare, and goes on in a general loop at the first surprise.
///   Members in any order, absent and `null` read as the default, the last of two equal names wins,
///   unknown members are kept in `extra`;
/// * `Deserialize`, by serde: the reference for the former, and for embedding;
/// * `Debug`, which shows what is there, and of `extra` the names only: a peer that spells a member
///   its own way must not bring a secret into a log;
/// * [`Encode`](crate::json::Encode): members in the order of the declaration, defaults left out,
///   `extra` last;
/// * [`Share`](crate::json::Share).
macro_rules! frame {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$lt:lifetime>)? {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $type:ty => $member:literal $(| $alias:literal)* $(, $always:ident)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq)]
        $vis struct $name $(<$lt>)? {
            $( $(#[$field_meta])* pub $field: $type, )*
            /// Members this type does not name.
            pub extra: $crate::json::frame!(@extra $($lt)?),
        }

        impl $(<$lt>)? std::fmt::Debug for $name $(<$lt>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($name));
                $(
                    if !$crate::json::Encode::is_absent(&self.$field) {
                        shown.field(stringify!($field), &self.$field);
                    }
                )*
                if !self.extra.is_empty() {
                    shown.field("extra", &$crate::json::Names(&self.extra));
                }
                shown.finish()
            }
        }

        impl<'de $(: $lt, $lt: 'de)?> $crate::codec::Decode<'de> for $name $(<$lt>)? {
            const OPENS: Option<u8> = Some(b'{');

            #[inline(never)]
            fn read(
                &mut self,
                scanner: $crate::codec::Scanner<'de>,
            ) -> Result<$crate::codec::Scanner<'de>, $crate::codec::Fault> {
                let mut scanner = scanner.local();
                if !scanner.object()? {
                    return Ok(scanner);
                }
                $(
                    if scanner.predict(concat!("\"", $member, "\":")) {
                        $crate::codec::member(&mut self.$field, &mut scanner)?;
                        if !scanner.more()? {
                            return Ok(scanner);
                        }
                    }
                )*
                $crate::codec::members(self, scanner)
            }
        }

        impl<'de $(: $lt, $lt: 'de)?> $crate::codec::Members<'de> for $name $(<$lt>)? {
            fn read_member(
                &mut self,
                name: &str,
                written: $crate::json::Str<'de>,
                mut scanner: $crate::codec::Scanner<'de>,
            ) -> Result<$crate::codec::Scanner<'de>, $crate::codec::Fault> {
                match name {
                    $( $member $(| $alias)* => {
                        $crate::codec::any_member(&mut self.$field, scanner)
                    } )*
                    _ => {
                        let value = $crate::json::Raw::scanned(scanner.skip()?);
                        self.extra.push($crate::json::frame!(@other written value $($lt)?));
                        Ok(scanner)
                    }
                }
            }
        }

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
                                _ => $crate::json::frame!(@keep frame map name $($lt)?),
                            }
                        }
                        Ok(frame)
                    }
                }

                // Not `deserialize_map`, which refuses strings by itself and quotes them.
                deserializer.deserialize_any($crate::json::frame!(@members $($lt)?))
            }
        }

        impl $(<$lt>)? $crate::json::Encode for $name $(<$lt>)? {
            fn is_absent(&self) -> bool {
                false
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let mut object = $crate::json::Object::begin(out);
                $(
                    if $crate::json::frame!(@always $($always)?)
                        || !$crate::json::Encode::is_absent(&self.$field)
                    {
                        object.member($crate::json::member_name!($member), &self.$field);
                    }
                )*
                object.extra(&self.extra);
                object.end();
            }
        }

        impl $(<$lt>)? $crate::json::Share for $name $(<$lt>)? {
            type Static = $crate::json::frame!(@static $name $($lt)?);

            fn share_in(self, source: &$crate::json::Source) -> Self::Static {
                $name {
                    $( $field: $crate::json::Share::share_in(self.$field, source), )*
                    extra: $crate::json::Share::share_in(self.extra, source),
                }
            }
        }
    };
    (@always) => { false };
    (@always always) => { true };
    (@extra $lt:lifetime) => { $crate::json::Extra<$lt> };
    (@extra) => { $crate::json::Extra<'static> };
    (@static $name:ident $lt:lifetime) => { $name<'static> };
    (@static $name:ident) => { $name };
    (@members $lt:lifetime) => { Members(std::marker::PhantomData) };
    (@members) => { Members };
    (@keep $frame:ident $map:ident $name:ident $lt:lifetime) => {{
        let value = $map.next_value()?;
        $frame.extra.push(($name, value));
    }};
    (@other $name:ident $value:ident $lt:lifetime) => { ($name, $value) };
    (@other $name:ident $value:ident) => { ($name.detach(), $value.detach()) };
    // A type without a lifetime copies what it does not name.
    (@keep $frame:ident $map:ident $name:ident) => {{
        let value = $map.next_value::<$crate::json::Raw<'de>>()?;
        $frame.extra.push(($name.detach(), value.detach()));
    }};
}

pub(crate) use frame;
