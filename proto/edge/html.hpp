#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace vigil::edge {

/// A text that stands in the program: names of elements and attributes. What comes from outside
/// cannot become one.
struct Literal {
    const char* text;
    consteval Literal(const char* written)
        : text{written} {}  // NOLINT(google-explicit-constructor)
};

/// An attribute; the value is escaped when it is written.
struct Attribute {
    Literal name;
    std::string value{};
};
using Attributes = std::initializer_list<Attribute>;

/// A piece of a page. A text becomes one by being escaped, and there is no other way in: whatever
/// owners claim (names, models, regions) can be handed over as it came. Control characters, and
/// bytes that are not UTF-8, become U+FFFD.
class Html {
public:
    Html() = default;
    Html(std::string_view text);                              // NOLINT(google-explicit-constructor)
    Html(const char* text) : Html{std::string_view{text}} {}  // NOLINT(google-explicit-constructor)
    Html(const std::string& text)                             // NOLINT(google-explicit-constructor)
        : Html{std::string_view{text}} {}

    Html& operator+=(const Html& more) {
        markup_ += more.markup_;
        return *this;
    }
    const std::string& markup() const { return markup_; }

private:
    friend Html element(Literal name, Attributes attributes, std::initializer_list<Html> children);
    friend Html leaf(Literal name, Attributes attributes);
    void open(Literal name, Attributes attributes);

    std::string markup_;
};

/// <name …>children</name>
Html element(Literal name, Attributes attributes, std::initializer_list<Html> children);
inline Html element(Literal name, std::initializer_list<Html> children) {
    return element(name, Attributes{}, children);
}
/// An element without an end: <meta …>, <link …>, <input …>.
Html leaf(Literal name, Attributes attributes);

/// A whole document: `head` and `body` elements are given.
std::string document(const Html& head, const Html& body);

/// For a part of a URL: everything but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace vigil::edge
