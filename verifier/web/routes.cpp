#include "verifier/web/routes.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/readable.hpp"
#include "verifier/web/assets.hpp"
#include "verifier/web/directory_text.hpp"
#include "verifier/web/figures.hpp"

namespace vigil::verifier::web {
namespace {

using Show = Page (*)(const Site&, const Question&);

/// For an address that is "/name" or, with `prefix`, "/name/rest".
struct PageRoute {
    const char* name;
    const char* path;  ///< ends with "*" when something follows
    Show show;
};
constexpr PageRoute pages[] = {
    {"network", "/", network_page},
    {"policy", "/policy", policy_page},
    {"providers", "/providers", providers_page},
    {"provider", "/providers/*", provider_page},
    {"device", "/devices/*", device_page},
    {"check", "/checks", fleet_check_page},
    {"check", "/checks/*", check_page},
    {"log", "/log", log_page},
};

edge::HttpResponse plain(unsigned status, std::string body) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

edge::HttpResponse answered(const Site& site, const PageRoute& route,
                            const edge::HttpRequest& request) {
    if (request.method == "POST") {
        edge::HttpResponse out = plain(405, "pages are read, with GET or HEAD\n");
        out.headers.emplace_back("Allow", "GET, HEAD");
        return out;
    }
    std::string_view prefix = route.path;
    if (prefix.ends_with('*')) prefix.remove_suffix(1);
    const auto query = Query::read(request.query);
    if (!query) {
        const bool long_one = query.error() == Query::Error::too_long;
        Page page =
            bad_question(long_one ? "The address is longer than 1,024 characters after its \"?\"."
                                  : "The part of the address after its \"?\" cannot be read.");
        page.status = long_one ? 414 : 400;
        return framed(site, page);
    }
    return framed(site, route.show(site, {.rest = request.path.substr(prefix.size()),
                                          .query = *query,
                                          .now = site.clock()}));
}

/// The list of providers for programs. What a CSV has no place for stands in the header.
template <std::string (*write)(const Fleet&, const DirectoryWish&, const DirectoryPage&)>
edge::HttpResponse directory(const Site& site, const edge::HttpRequest& request, const char* type) {
    const auto query = Query::read(request.query);
    if (!query)
        return plain(query.error() == Query::Error::too_long ? 414 : 400,
                     "the query cannot be read\n");
    const auto wish = directory_wish(*query);
    if (!wish) return plain(400, wish.error() + "\n");
    const auto fleet = site.watch.fleet();
    const DirectoryPage page = look_up(*fleet, *wish);
    return {.status = 200,
            .content_type = type,
            .body = write(*fleet, *wish, page),
            .headers = {{"Vigil-At", iso_text(fleet->at)},
                        {"Vigil-Found", std::to_string(page.found)},
                        {"Vigil-Pages", std::to_string(page.pages)}}};
}

/// One version of an asset never changes; without a version it is asked for anew each time.
edge::HttpResponse asset(const edge::HttpRequest& request) {
    const std::string_view name =
        std::string_view{request.path}.substr(std::string_view{"/assets/"}.size());
    for (const Asset& one : assets()) {
        if (one.name != name) continue;
        const std::string tag = fmt::format("\"{}\"", one.version);
        const bool current = request.query == fmt::format("v={}", one.version);
        edge::HttpResponse out;
        out.content_type = one.content_type;
        out.headers.emplace_back("ETag", tag);
        out.headers.emplace_back("Cache-Control",
                                 current ? "public, max-age=31536000, immutable" : "no-cache");
        if (request.if_none_match == tag)
            out.status = 304;
        else
            out.body = one.text;
        return out;
    }
    return plain(404, "there is no such asset\n");
}

}  // namespace

void add_pages(edge::HttpServer& server, const Site& site, const Served& served) {
    for (const PageRoute& route : pages)
        server.route(route.path, [site, served, route](const edge::HttpRequest& request) {
            const auto begin = std::chrono::steady_clock::now();
            edge::HttpResponse out = answered(site, route, request);
            if (served) served(route.name, std::chrono::steady_clock::now() - begin);
            return out;
        });
    server.route("/badges/*", [site](const edge::HttpRequest& request) {
        return badge(site, request.path.substr(std::string_view{"/badges/"}.size()));
    });
    server.route("/providers.json", [site](const edge::HttpRequest& request) {
        return directory<directory_json>(site, request, "application/json");
    });
    server.route("/providers.csv", [site](const edge::HttpRequest& request) {
        return directory<directory_csv>(site, request, "text/csv; charset=utf-8");
    });
    server.route("*", [site](const edge::HttpRequest&) {
        return framed(site, not_found("There is nothing at this address."));
    });
    server.route("/assets/*", asset);
    server.events(events_path);
}

std::string live_json(const Fleet& fleet) {
    nlohmann::ordered_json values;
    for (const State state : {State::online, State::suspect, State::offline, State::waiting})
        values[std::string{to_string(state)}] =
            grouped(fleet.counts[static_cast<std::size_t>(state)]);
    values["rate"] = rate_text(fleet.rate);
    const nlohmann::ordered_json all{
        {"at", to_ms(fleet.at)}, {"version", fleet.version}, {"values", values}};
    return all.dump();
}

}  // namespace vigil::verifier::web
