//! Newtypes that travel as what they hold.

/// Implements what a member of a frame needs for a newtype by that of what it holds; without
/// [`Encode`](crate::json::Encode) if it is only `read` so.
macro_rules! transparent {
    ($name:ident($inner:ident)) => {
        $crate::json::transparent! { read $name($inner) }

        impl $crate::json::Encode for $name<'_> {
            #[inline(always)]
            fn is_absent(&self) -> bool {
                self.0.is_absent()
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }
    };
    (read $name:ident($inner:ident)) => {
        impl<'a> $crate::codec::Decode<'a> for $name<'a> {
            #[inline(always)]
            fn read(
                &mut self,
                scanner: $crate::codec::Scanner<'a>,
            ) -> Result<$crate::codec::Scanner<'a>, $crate::codec::Fault> {
                self.0.read(scanner)
            }

            #[inline(always)]
            fn read_plain(scanner: &mut $crate::codec::Scanner<'a>) -> Option<Self> {
                <$inner<'a>>::read_plain(scanner).map(Self)
            }
        }

        impl $crate::json::Share for $name<'_> {
            type Static = $name<'static>;

            fn share_in(self, source: &$crate::json::Source) -> $name<'static> {
                $name(self.0.share_in(source))
            }
        }

        #[cfg(feature = "reference")]
        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$inner<'a>>::deserialize(deserializer).map(Self)
            }
        }
    };
}

pub(crate) use transparent;
