#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "proto/edge/http_server.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"
#include "verifier/store/store.hpp"
#include "verifier/web/fleet_watch.hpp"
#include "verifier/web/html.hpp"
#include "verifier/web/query.hpp"

namespace vigil::verifier::web {

/// Signs what receipts cover (protocol 9.3), again, with the present key: the receipt that the node
/// got, unless the key was replaced since.
struct ReceiptSigner {
    PublicKey key;
    std::function<Signature(const AnswerId&, Instant received)> sign;
};

ReceiptSigner receipt_signer(const SigningKey& key, const NetworkId& network);

/// What pages are made from. All of it may be used from several threads at once.
struct Site {
    Store& store;
    const Roster& roster;
    Schedule& schedule;
    const FleetWatch& watch;
    std::function<Instant()> clock;
    std::function<std::optional<std::string>()> not_ready;
    std::string version;
    ReceiptSigner receipts;
};

/// A page without its frame.
struct Page {
    std::string title;
    Html main;
    std::string path{};  ///< of the navigation's entry it belongs to
    unsigned status = 200;
    /// Sent as Retry-After; 0: not at all.
    std::chrono::seconds retry_after{0};
};

/// What a page is asked with: the part of the path after its prefix, and the query.
struct Question {
    std::string rest;
    Query query;
    Instant now;
};

/// With head, navigation and foot; not to be cached, for it shows what is now.
edge::HttpResponse framed(const Site& site, const Page& page);

/// 404, 400 and 503 as pages that say what can be done.
Page not_found(const std::string& what);
Page bad_question(const std::string& what);
Page try_later(const std::string& what);

// pages/, one file each
Page network_page(const Site& site, const Question& question);
Page policy_page(const Site& site, const Question& question);
Page providers_page(const Site& site, const Question& question);
Page provider_page(const Site& site, const Question& question);  ///< rest: its payout address
Page device_page(const Site& site, const Question& question);    ///< rest: the device's id
Page check_page(const Site& site, const Question& question);     ///< rest: the challenge
Page fleet_check_page(const Site& site, const Question& question);
Page log_page(const Site& site, const Question& question);
/// An SVG of the state of the device that `rest` names.
edge::HttpResponse badge(const Site& site, const std::string& rest);

}  // namespace vigil::verifier::web
