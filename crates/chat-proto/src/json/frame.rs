//! The macro that declares what a JSON object holds.

use std::fmt;

use super::raw::Extra;
use super::write::Encode;

/// Declares a struct that mirrors a JSON object.
///
/// Each field names its member, perhaps further spellings that are read (`| "acs"`), and whether it
/// is written even when it is the default (`always`). The macro gives:
///
/// * [`Decode`](crate::codec::Decode): members in any order, absent and `null` read as the default,
///   the last of two equal names wins, unknown members are kept in `extra`;
/// * [`Encode`](crate::json::Encode): members in the order of the declaration, defaults left out,
///   `extra` last;
/// * `Debug`, which shows what is there, and of `extra` the names only: a peer that spells a member
///   its own way must not bring a secret into a log;
/// * [`Share`](crate::json::Share);
/// * under the feature `reference`, serde's `Deserialize`, against which the first is tested.
///
/// A frame that is `hot` has code of its own for each member: it predicts them in the order of the
/// declaration, each with one compare, and goes on in the general loop at the first surprise. The
/// others go through that loop, and are written through a table: much less to compile.
macro_rules! frame {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$lt:lifetime>)? $(, $hot:ident)? {
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

        impl $(<$lt>)? $crate::json::Fields for $name $(<$lt>)? {
            fn table(&self, read: &mut dyn FnMut(&[$crate::json::Field<'_>])) {
                read(&[$( $crate::json::Field {
                    field: stringify!($field),
                    member: $crate::json::member_name!($member),
                    always: $crate::json::frame!(@always $($always)?),
                    value: &self.$field,
                } ),*]);
            }

            fn extra(&self) -> &$crate::json::Extra<'_> {
                &self.extra
            }
        }

        impl $(<$lt>)? std::fmt::Debug for $name $(<$lt>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::json::show(self, stringify!($name), f)
            }
        }

        impl<'de $(: $lt, $lt: 'de)?> $crate::codec::Decode<'de> for $name $(<$lt>)? {
            const OPENS: Option<u8> = Some(b'{');

            #[inline(never)]
            fn read(
                &mut self,
                scanner: $crate::codec::Scanner<'de>,
            ) -> Result<$crate::codec::Scanner<'de>, $crate::codec::Fault> {
                $crate::json::frame!(@read self scanner $($hot)?; $($field: $member)*)
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

        #[cfg(feature = "reference")]
        $crate::reference::reference! { $name $(<$lt>)? { $( $field: $type => $member $(| $alias)*; )* } }

        impl $(<$lt>)? $crate::json::Encode for $name $(<$lt>)? {
            fn is_absent(&self) -> bool {
                false
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $crate::json::frame!(@write self out $($hot)?; $($field: $member $(, $always)?;)*)
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
    (@read $self:ident $scanner:ident hot; $($field:ident: $member:literal)*) => {{
        let mut scanner = $scanner.local();
        if !scanner.object()? {
            return Ok(scanner);
        }
        $(
            if scanner.predict(concat!("\"", $member, "\":")) {
                $crate::codec::member(&mut $self.$field, &mut scanner)?;
                if !scanner.more()? {
                    return Ok(scanner);
                }
            }
        )*
        $crate::codec::members($self, scanner)
    }};
    (@read $self:ident $scanner:ident; $($rest:tt)*) => {
        $crate::codec::object($self, $scanner)
    };
    (@write $self:ident $out:ident hot;
        $($field:ident: $member:literal $(, $always:ident)?;)*) => {{
        let mut object = $crate::json::Object::begin($out);
        $(
            if $crate::json::frame!(@always $($always)?)
                || !$crate::json::Encode::is_absent(&$self.$field)
            {
                object.member($crate::json::member_name!($member), &$self.$field);
            }
        )*
        object.extra(&$self.extra);
        object.end();
    }};
    (@write $self:ident $out:ident; $($rest:tt)*) => {
        $crate::json::Object::write($self, $out)
    };
    (@always) => { false };
    (@always always) => { true };
    (@extra $lt:lifetime) => { $crate::json::Extra<$lt> };
    (@extra) => { $crate::json::Extra<'static> };
    (@static $name:ident $lt:lifetime) => { $name<'static> };
    (@static $name:ident) => { $name };
    (@other $name:ident $value:ident $lt:lifetime) => { ($name, $value) };
    // A type without a lifetime copies what it does not name.
    (@other $name:ident $value:ident) => { ($name.detach(), $value.detach()) };
}

pub(crate) use frame;

/// A field of a frame: its name here, its member there, and what it holds.
pub(crate) struct Field<'f> {
    pub(crate) field: &'static str,
    /// A [`member_name!`](crate::json::member_name).
    pub(crate) member: &'static str,
    /// Whether it is written even when it is the default.
    pub(crate) always: bool,
    pub(crate) value: &'f dyn Value,
}

/// What a field holds.
pub(crate) trait Value: fmt::Debug + Encode {}

impl<T: fmt::Debug + Encode> Value for T {}

/// A frame as a table of its fields.
pub(crate) trait Fields {
    fn table(&self, read: &mut dyn FnMut(&[Field<'_>]));

    fn extra(&self) -> &Extra<'_>;
}

/// Shows the fields that are there, and the names of unknown members.
pub(crate) fn show(frame: &dyn Fields, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    frame.table(&mut |fields| {
        for Field { field, value, .. } in fields {
            if !value.is_absent() {
                shown.field(field, value);
            }
        }
    });
    if !frame.extra().is_empty() {
        let names: Vec<_> = frame.extra().iter().map(|(name, _)| name).collect();
        shown.field("extra", &names);
    }
    shown.finish()
}
