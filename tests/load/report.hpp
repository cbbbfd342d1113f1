#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vigil::load {

/// What a run found, in the order in which it is read: a table for people, one line of JSON for
/// programs.
class Report {
public:
    using Value = std::variant<std::int64_t, double, std::string>;

    void heading(std::string text) { lines_.push_back({{}, std::move(text), {}, {}}); }
    void add(std::string key, std::string label, Value value, std::string unit = {});
    void fail(std::string why) { failures_.push_back(std::move(why)); }
    const std::vector<std::string>& failures() const { return failures_; }
    double number(const std::string& key) const;  ///< 0 when there is none

    std::string table() const;
    std::string json() const;

private:
    struct Line {
        std::string key, label;
        Value value;
        std::string unit;
    };
    std::vector<Line> lines_;
    std::vector<std::string> failures_;
};

}  // namespace vigil::load
