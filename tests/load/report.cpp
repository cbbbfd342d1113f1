#include "tests/load/report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vigil::load {
namespace {

std::string shown(const Report::Value& value) {
    if (const auto* count = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *count);
    if (const auto* real = std::get_if<double>(&value))
        return *real < 10 ? fmt::format("{:.3f}", *real) : fmt::format("{:.1f}", *real);
    return std::get<std::string>(value);
}

}  // namespace

void Report::add(std::string key, std::string label, Value value, std::string unit) {
    lines_.push_back({std::move(key), std::move(label), std::move(value), std::move(unit)});
}

double Report::number(const std::string& key) const {
    for (const Line& line : lines_) {
        if (line.key != key) continue;
        if (const auto* real = std::get_if<double>(&line.value)) return *real;
        if (const auto* count = std::get_if<std::int64_t>(&line.value))
            return static_cast<double>(*count);
    }
    return 0;
}

std::string Report::table() const {
    std::string out;
    for (const Line& line : lines_)
        out += line.key.empty()
                   ? fmt::format("\n{}\n", line.label)
                   : fmt::format("  {:<44} {:>12} {}\n", line.label, shown(line.value), line.unit);
    for (const std::string& why : failures_) out += fmt::format("\nFAILED: {}\n", why);
    return out;
}

std::string Report::json() const {
    nlohmann::ordered_json all;
    for (const Line& line : lines_)
        if (!line.key.empty())
            std::visit([&](const auto& value) { all[line.key] = value; }, line.value);
    all["failures"] = failures_;
    return all.dump();
}

}  // namespace vigil::load
