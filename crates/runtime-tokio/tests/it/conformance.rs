//! The suite that every adapter passes, one line a case.

use runtime_core::conformance::Subject;
use runtime_tokio::TokioRuntime;

struct Tokio;

impl Subject for Tokio {
    type Runtime = TokioRuntime;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn tasks() -> Option<usize> {
        Some(tokio::runtime::Handle::current().metrics().num_alive_tasks())
    }
}

runtime_core::conformance! { Tokio;
    publish_and_echo,
    order_is_kept,
    ten_mebibytes_both_ways,
    fragmented_frames,
    pings_while_idle,
    pings_while_flooded,
    stale_transmits_are_dropped,
    dial_refused,
    upgrade_refused,
    upgrade_answered_with_nonsense,
    unusable_uri,
    request_is_complete,
    connect_timeout,
    several_addresses,
    name_without_an_address,
    localhost_resolves,
    ipv6,
    late_dial,
    server_restart,
    tls_ca,
    tls_wrong_ca,
    tls_wrong_host,
    tls_expired,
    tls_pin,
    tls_wrong_pin,
    tls_platform,
    tls_bundled,
    tls_first_use,
    tls_names_its_provider,
    tls_refusals_are_told,
    tls_dangerous,
    tls_missing,
    tls_for_http,
    proxy_connect,
    proxy_connect_over_tls,
    proxy_socks,
    proxy_refuses,
    proxy_hostile,
    proxy_slow,
    proxy_exceptions,
    tinyproxy_open,
    tinyproxy_login,
    tinyproxy_denies,
    microsocks_open,
    microsocks_login,
    http_exchange,
    http_lengths,
    http_refused,
    http_broken_off,
    http_body_over_the_limit,
    http_deadline,
    http_abort,
    http_upload,
    files_upload_of_every_kind,
    files_upload_for_both_services,
    files_upload_of_another_length,
    files_upload_over_the_limit,
    files_upload_redirected,
    files_upload_refused,
    files_upload_stalled,
    files_upload_dropped_at_every_await,
    files_download,
    files_download_into_a_writer,
    files_download_over_the_limit,
    files_download_that_lies,
    files_download_redirected,
    files_download_refused,
    files_download_on_a_bad_disk,
    files_download_dropped_at_every_await,
    files_download_goes_on,
    files_download_starts_over,
    files_download_gives_up,
    files_download_into_a_writer_goes_on,
    files_download_goes_on_later,
    files_download_of_something_else_later,
    files_download_in_use,
    half_open_peer,
    slow_reader,
    slow_application,
    timers_fire,
    peer_closes,
    we_close,
    close_unanswered,
    peer_closes_but_stays,
    peer_vanishes,
    peer_vanishes_while_we_write,
    oversized_message,
    broken_frame,
    text_not_utf8,
    let_go,
    dropped_at_every_await,
    dropped_exchange_at_every_await,
    next_dropped_at_every_await,
    many_tasks,
    last_handle,
    client_publishes,
    client_refused,
    client_clones,
    client_close_deadline,
    client_queue_full,
    client_call_dropped,
    client_slow_application,
}
