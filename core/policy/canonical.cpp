#include <charconv>

#include "core/crypto/keccak256.hpp"
#include "core/policy/policy.hpp"

namespace vigil {
namespace {

constexpr std::size_t longest_text = 65'536;

template <class List, class Write>
std::string bracketed(const List& list, Write write) {
    std::string out = "[";
    for (const auto& item : list) {
        if (out.size() > 1) out += ',';
        out += write(item);
    }
    return out + "]";
}

std::string numbers_text(const PolicyNumbers& numbers) {
    return bracketed(numbers, [](std::int64_t number) { return std::to_string(number); });
}

struct ValueText {
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(const std::string& text) const { return "\"" + text + "\""; }
    std::string operator()(const PolicyNumbers& numbers) const { return numbers_text(numbers); }
    std::string operator()(const PolicyPairs& pairs) const {
        return bracketed(pairs, numbers_text);
    }
};

/// Takes a number from the front of `text`.
bool take_number(std::string_view& text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

/// "[", items by commas, "]"; `item` takes one from the front of the text.
template <class Item>
bool take_list(std::string_view& text, Item item) {
    if (!take(text, '[')) return false;
    do {
        if (!item()) return false;
    } while (take(text, ','));
    return take(text, ']');
}

bool take_numbers(std::string_view& text, PolicyNumbers& out) {
    return take_list(text, [&] {
        std::int64_t number{};
        if (!take_number(text, number)) return false;
        out.push_back(number);
        return true;
    });
}

std::optional<PolicyValue> read_value(std::string_view text) {
    if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
        return std::string{text.substr(1, text.size() - 2)};
    if (text.starts_with("[[")) {
        PolicyPairs pairs;
        const bool read = take_list(text, [&] { return take_numbers(text, pairs.emplace_back()); });
        if (read && text.empty()) return pairs;
        return std::nullopt;
    }
    if (text.starts_with('[')) {
        PolicyNumbers numbers;
        if (take_numbers(text, numbers) && text.empty()) return numbers;
        return std::nullopt;
    }
    std::int64_t number{};
    if (take_number(text, number) && text.empty()) return number;
    return std::nullopt;
}

}  // namespace

std::string canonical_text(const Policy& policy) {
    std::string text;
    for (const auto& [key, value] : to_values(policy))
        text += key + "=" + std::visit(ValueText{}, value) + "\n";
    return text;
}

PolicyHash policy_hash(const Policy& policy) {
    const std::string text = canonical_text(policy);
    return as<PolicyHash>(keccak256(ByteVector{text.begin(), text.end()}));
}

Expected<Policy, std::string> policy_from_canonical(std::string_view text) {
    if (text.size() > longest_text)
        return tl::unexpected{"a canonical policy has at most " + std::to_string(longest_text) +
                              " bytes"};
    PolicyValues values;
    std::size_t line_number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        ++line_number;
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const std::size_t equals = line.find('=');
        auto value =
            equals == std::string_view::npos ? std::nullopt : read_value(line.substr(equals + 1));
        if (!value)
            return tl::unexpected{"line " + std::to_string(line_number) + " is not key=value: \"" +
                                  std::string{line.substr(0, 80)} + "\""};
        values.insert_or_assign(std::string{line.substr(0, equals)}, std::move(*value));
    }
    auto policy = policy_from_values(values);
    if (policy && canonical_text(*policy) != text)
        return tl::unexpected{
            std::string{"the text is a policy, but not in canonical form: one line a key, sorted"}};
    return policy;
}

}  // namespace vigil
