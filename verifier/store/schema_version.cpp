#include "verifier/store/schema_version.hpp"

#include "verifier/store/schema.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

std::int64_t newest_schema() { return schema_steps().back().version; }

void refuse_newer(const std::string& store, std::int64_t found) {
    if (found <= newest_schema()) return;
    throw StoreTooNew{"store " + store + ": has schema " + std::to_string(found) +
                      ", this program knows schemas up to " + std::to_string(newest_schema()) +
                      ": run the newer program that wrote it, or restore a backup made before "
                      "that"};
}

void require_current(const std::string& store, std::int64_t found) {
    refuse_newer(store, found);
    if (found < newest_schema())
        throw StoreFailed{"store " + store + ": has schema " + std::to_string(found) +
                          " where this program reads " + std::to_string(newest_schema()) +
                          ": let the verifier run on it once, which brings it up to date"};
}

std::string text_for(Engine engine, std::string_view sql) {
    const std::string_view open = engine == Engine::sqlite ? "/*sqlite " : "/*postgres ";
    constexpr std::string_view close = "*/";
    std::string out;
    for (;;) {
        const auto begin = sql.find(open);
        out += sql.substr(0, begin);
        if (begin == std::string_view::npos) return out;
        sql.remove_prefix(begin + open.size());
        const auto end = sql.find(close);
        out += sql.substr(0, end);
        sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + close.size());
    }
}

}  // namespace vigil::verifier
