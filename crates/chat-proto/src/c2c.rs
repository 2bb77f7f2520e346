//! Order chat: Binance C2C.
