#include <array>

#include "verifier/web/assets.hpp"
#include "verifier/web/figures.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

struct NavEntry {
    const char* path;
    const char* name;
};
constexpr std::array<NavEntry, 4> entries{
    {{"/", "Network"}, {"/providers", "Providers"}, {"/policy", "Policy"}, {"/log", "Log"}}};

Html navigation(const std::string& current) {
    Html items;
    for (const NavEntry& entry : entries)
        items += element("li", {current == entry.path
                                    ? element("a", {{"href", entry.path}, {"aria-current", "page"}},
                                              {entry.name})
                                    : link(entry.path, entry.name)});
    return element("nav", {{"aria-label", "Pages"}}, {element("ul", {items})});
}

Html mark() {
    return element(
        "svg",
        {{"viewBox", "0 0 32 32"},
         {"width", "26"},
         {"height", "26"},
         {"aria-hidden", "true"},
         {"class", "mark"}},
        {element("path", {{"d", "M2 16c4-7 9-10 14-10s10 3 14 10c-4 7-9 10-14 10S6 23 2 16Z"}}, {}),
         element("circle", {{"cx", "16"}, {"cy", "16"}, {"r", "5"}}, {})});
}

Html search_form() {
    return element("form", {{"action", "/providers"}, {"role", "search"}, {"class", "search"}},
                   {leaf("input", {{"type", "search"},
                                   {"name", "q"},
                                   {"maxlength", "80"},
                                   {"placeholder", "Name, device id, address"},
                                   {"aria-label", "Search providers and devices"}})});
}

Html head_of(const Site& site, const Page& page) {
    Html out = leaf("meta", {{"charset", "utf-8"}});
    out += leaf("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    out += leaf("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
    out +=
        element("title", {page.title + " · " + site.schedule.genesis().network_name + " · Vigil"});
    out += leaf("link",
                {{"rel", "icon"}, {"href", asset_address("icon.svg")}, {"type", "image/svg+xml"}});
    out += leaf("link", {{"rel", "stylesheet"}, {"href", asset_address("uPlot.min.css")}});
    out += leaf("link", {{"rel", "stylesheet"}, {"href", asset_address("vigil.css")}});
    out += element("script", {{"src", asset_address("uPlot.iife.min.js")}, {"defer", ""}}, {});
    out += element("script", {{"src", asset_address("vigil.js")}, {"type", "module"}}, {});
    return element("head", {out});
}

Html foot(const Site& site, Instant at) {
    return element(
        "footer",
        {element("p",
                 {{"id", "age"},
                  {"class", "age"},
                  {"data-at", std::to_string(to_ms(at))},
                  {"aria-live", "off"}},
                 {"As of ", time_html(at), " UTC. Reload for newer numbers."}),
         element("p", {"Times are UTC; point at one for yours. Numbers are ",
                       source_html(Source::verified), " by checks, ", source_html(Source::claimed),
                       " by owners, or ", source_html(Source::derived),
                       " by arithmetic that anyone can repeat."}),
         element("p", {"vigil-verifier " + site.version + " · ", link("/metrics", "metrics"), " · ",
                       link("/readyz", "health")})});
}

}  // namespace

edge::HttpResponse framed(const Site& site, const Page& page) {
    const auto fleet = site.watch.fleet();
    Html body = element("a", {{"class", "skip"}, {"href", "#main"}}, {"To the content"});
    body += element("header", {element("a", {{"class", "brand"}, {"href", "/"}},
                                       {mark(), element("span", {"Vigil"}),
                                        element("small", {site.schedule.genesis().network_name})}),
                               navigation(page.path), search_form()});
    body += element("main", {{"id", "main"}}, {page.main});
    body += foot(site, fleet ? fleet->at : site.clock());
    edge::HttpResponse out;
    out.status = page.status;
    out.content_type = "text/html; charset=utf-8";
    out.body = document(
        head_of(site, page),
        element("body", {{"data-version", std::to_string(fleet ? fleet->version : 0)}}, {body}));
    out.headers.emplace_back("Cache-Control", "no-cache");
    if (page.retry_after > std::chrono::seconds{0})
        out.headers.emplace_back("Retry-After", std::to_string(page.retry_after.count()));
    return out;
}

Page not_found(const std::string& what) {
    return {.title = "Not found",
            .main = element(
                "section",
                {element("h1", {"Not found"}), element("p", {what}),
                 element("ul", {element("li", {link("/providers", "All providers"),
                                               ": search by name, device id or payout address"}),
                                element("li", {link("/", "The network")})})}),
            .status = 404};
}

Page bad_question(const std::string& what) {
    return {.title = "That cannot be answered",
            .main = element("section",
                            {element("h1", {"That cannot be answered"}), element("p", {what}),
                             element("p", {link("/", "The network")})}),
            .status = 400};
}

Page try_later(const std::string& what) {
    return {.title = "Busy",
            .main = element("section", {element("h1", {"Busy"}), element("p", {what}),
                                        element("p", {link("/", "The network")})}),
            .status = 503,
            .retry_after = std::chrono::seconds{10}};
}

}  // namespace vigil::verifier::web
