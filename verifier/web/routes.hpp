#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "verifier/web/site.hpp"

namespace vigil::verifier::web {

constexpr const char* events_path = "/events";

/// Told how long each page took, by a name of which there are few.
using Served = std::function<void(const char* route, std::chrono::steady_clock::duration)>;

/// Every page of site.hpp, the assets, and the path of events.
void add_pages(edge::HttpServer& server, const Site& site, const Served& served);

/// What /events says: {"at": ms, "version": n, "values": {name: text}}.
std::string live_json(const Fleet& fleet);

}  // namespace vigil::verifier::web
