#include "proto/edge/logging.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::MatchesRegex;

/// What `action` writes to stderr.
template <class Action>
std::string logged(Action&& action) {
    testing::internal::CaptureStderr();
    action();
    spdlog::default_logger()->flush();
    return testing::internal::GetCapturedStderr();
}

TEST(Logging, WritesTextLinesInUtc) {
    const std::string text = logged([] {
        start_logging("text", "info");
        spdlog::debug("unseen");
        spdlog::warn("window {} missed", 3);
    });
    EXPECT_THAT(text, MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9:]+\\.[0-9][0-9][0-9]Z warning window "
                                   "3 missed\n"));
}

TEST(Logging, WritesOneJsonObjectALine) {
    const std::string message = "a \"quoted\" back\\slash\nnew line \t\x01\x7f ü \xff\xc0\x80 end";
    const std::string text = logged([&] {
        start_logging("json", "trace");
        spdlog::trace("first");
        spdlog::error(message);
    });
    const auto end = text.find('\n');
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(text.substr(0, end)).at("level"), "trace");
    const std::string second = text.substr(end + 1);
    ASSERT_EQ(second.find('\n'), second.size() - 1);
    const auto line = nlohmann::json::parse(second);
    EXPECT_EQ(line.at("level"), "error");
    EXPECT_EQ(line.at("message"),
              "a \"quoted\" back\\slash\nnew line \t\x01\x7f ü \uFFFD\uFFFD\uFFFD end");
    EXPECT_THAT(line.at("time").get<std::string>(),
                MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"));
}

TEST(Logging, WritesWhatTheJournalReads) {
    const std::string text = logged([] {
        start_logging("journal", "debug");
        spdlog::debug("small");
        spdlog::info("two\nlines");
        spdlog::warn("window {} missed", 3);
        spdlog::error("gone");
    });
    EXPECT_EQ(text, "<7>small\n<6>two\n<6>lines\n<4>window 3 missed\n<3>gone\n");
}

TEST(Logging, RefusesOtherWords) {
    EXPECT_THAT(fatal("E-CONFIG", [] { start_logging("xml", "info"); }),
                testing::HasSubstr("\"xml\""));
    EXPECT_THAT(fatal("E-CONFIG", [] { start_logging("text", "loud"); }),
                testing::HasSubstr("\"loud\""));
    for (const char* level : {"trace", "debug", "info", "warn", "warning", "error"})
        start_logging("text", level);
}

TEST(ForLog, ShowsControlAndBrokenBytes) {
    EXPECT_EQ(for_log("RTX 4090 \xe2\x9c\x93"), "RTX 4090 \xe2\x9c\x93");
    EXPECT_EQ(for_log("a\nb\rc\x1b[31m"), "a\\x0ab\\x0dc\\x1b[31m");
    EXPECT_EQ(for_log(std::string_view{"\0\x7f", 2}), "\\x00\\x7f");
    EXPECT_EQ(for_log("\xc2\x9b"
                      "31m"),
              "\\xc2\\x9b"
              "31m");  // CSI as one C1 character
    EXPECT_EQ(for_log("\xff\xe2\x9c"), "\\xff\\xe2\\x9c");
    EXPECT_EQ(for_log("\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf"),
              "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc0\\xaf");
    EXPECT_EQ(for_log(""), "");
}

TEST(ForLog, IsBoundedAndSaysSo) {
    EXPECT_EQ(for_log(std::string(200, 'a')), std::string(200, 'a'));
    EXPECT_EQ(for_log(std::string(201, 'a')), std::string(197, 'a') + "...");
    for (std::size_t limit = 0; limit < 20; ++limit) {
        const std::string text = for_log("\n\n\n\n\xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93", limit);
        EXPECT_LE(text.size(), limit);
        EXPECT_EQ(for_log(text), text) << "cut inside a character";
    }
}

}  // namespace
}  // namespace vigil::edge
