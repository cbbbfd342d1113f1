#include "verifier/web/html.hpp"

#include <gtest/gtest.h>

namespace vigil::verifier::web {
namespace {

TEST(Html, TextIsEscaped) {
    EXPECT_EQ(Html{"<script>alert('\"&')</script>"}.markup(),
              "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;");
    EXPECT_EQ(Html{"RTX 4090 – 24 GiB"}.markup(), "RTX 4090 – 24 GiB");
}

TEST(Html, AnAttributeCannotBeLeft) {
    EXPECT_EQ(leaf("input", {{"value", "\"><script>x</script>"}}).markup(),
              "<input value=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\">");
}

TEST(Html, ElementsKeepMarkupOfElementsAndEscapeTexts) {
    EXPECT_EQ(element("p", {{"class", "a"}}, {"1 < 2 ", element("b", {"<b>"})}).markup(),
              "<p class=\"a\">1 &lt; 2 <b>&lt;b&gt;</b></p>");
}

TEST(Html, ControlCharactersAndBrokenUtf8BecomeTheReplacementCharacter) {
    const std::string replaced = "\xEF\xBF\xBD";
    using namespace std::string_literals;
    EXPECT_EQ(Html{"a\0b"s}.markup(), "a" + replaced + "b");
    EXPECT_EQ(Html{"\x1b[31m"}.markup(), replaced + "[31m");
    EXPECT_EQ(Html{"\xC0\xAF"}.markup(), replaced + replaced) << "an overlong slash";
    EXPECT_EQ(Html{"\xED\xA0\x80"}.markup(), replaced + replaced + replaced) << "a surrogate";
    EXPECT_EQ(Html{"\xF4\x90\x80\x80"}.markup(), replaced + replaced + replaced + replaced);
    EXPECT_EQ(Html{"\xE2\x82"}.markup(), replaced + replaced) << "cut short";
    EXPECT_EQ(Html{"tab\tline\n"}.markup(), "tab\tline\n");
}

TEST(Html, PercentEncodingLeavesNothingThatMeansSomething) {
    EXPECT_EQ(percent_encoded("a-b._~/?&=%+ \xC3\xA4"), "a-b._~%2F%3F%26%3D%25%2B%20%C3%A4");
}

}  // namespace
}  // namespace vigil::verifier::web
