#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/crypto/payout_address.hpp"
#include "tests/web/web_world.hpp"

namespace vigil::verifier::web {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string body(const std::string& path) { return edge::body_of(network().get(path)); }
unsigned status(const std::string& path) { return edge::status_of(network().get(path)); }

nlohmann::json json(const std::string& query) {
    return nlohmann::json::parse(body("/providers.json" + query));
}

TEST(Providers, WhatOwnersChooseStaysText) {
    for (const std::string& page :
         {body("/providers"), body("/providers?q=script"),
          body("/providers/" + to_checksum_text(network().hostile_payout)),
          body("/devices/" + to_hex(network().hostile_device)),
          body("/providers?q=%3Cscript%3Ealert(3)%3C/script%3E")}) {
        EXPECT_THAT(page, Not(HasSubstr("<script>")));
        EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
        EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    }
    EXPECT_THAT(body("/providers"), HasSubstr("=1+1 &lt;script&gt;alert(1)&lt;/script&gt;"));
}

TEST(Providers, ASpreadsheetComputesNothing) {
    const std::string csv = body("/providers.csv");
    EXPECT_THAT(csv, HasSubstr("\"'=1+1 <script>alert(1)</script>\""));
    EXPECT_THAT(csv, HasSubstr("\"'@"));
}

TEST(Providers, ACsvSaysOfWhenItIsAndWhetherThereIsMore) {
    const std::string csv = network().get("/providers.csv?rows=1");
    const auto as_json = json("?rows=1");
    EXPECT_THAT(csv, HasSubstr("\r\nVigil-Found: " + as_json["found"].dump() + "\r\n"));
    EXPECT_THAT(csv, HasSubstr("\r\nVigil-Pages: " + as_json["pages"].dump() + "\r\n"));
    EXPECT_THAT(csv, HasSubstr("\r\nVigil-At: " + as_json["at"].get<std::string>().substr(0, 16)));
}

TEST(Providers, AreFoundByNameModelAndId) {
    const std::string id = to_hex(network().world.device_id(0));
    for (const std::string& words : {std::string{"Simulated"}, id, id.substr(0, 10),
                                     std::string{"0x0707070707070707070707070707070707070707"}}) {
        const auto found = json("?q=" + words);
        ASSERT_EQ(found["found"], 1) << words;
        EXPECT_EQ(found["providers"][0]["name"], "n");
    }
    EXPECT_EQ(json("?q=Simulated+nothing")["found"], 0);
    EXPECT_THAT(body("/providers?q=nobody"), HasSubstr("No provider is like this"));
}

TEST(Providers, WhatNobodyMeasuredIsNotZero) {
    const auto hostile = json("?q=script")["providers"][0];
    EXPECT_TRUE(hostile["rate"].is_null()) << hostile["rate"];
    EXPECT_TRUE(hostile["rate_half_width_95"].is_null());
    EXPECT_THAT(body("/providers.csv?q=script"), HasSubstr(",1,0,0,0,,,0,0,"));
    EXPECT_GT(json("?q=Simulated")["providers"][0]["rate"], 0);
}

TEST(Providers, SayWhatEachRegionBrings) {
    const auto provider = json("?q=Simulated")["providers"][0];
    const auto regions = provider["by_region"];
    EXPECT_EQ(provider["regions_more"], 0);
    ASSERT_EQ(regions.size(), 1U);
    EXPECT_EQ(regions[0]["devices"], 4);
    EXPECT_GT(regions[0]["windows_due_30d"], 0);
    EXPECT_GT(regions[0]["windows_passed_30d"], 0);
    const std::string page = body("/");
    EXPECT_THAT(page, HasSubstr("By region"));
    EXPECT_THAT(page, HasSubstr("not said")) << "its owner names none";
    EXPECT_THAT(page, HasSubstr("@\uFFFD[31m&#39;")) << "and what another claims stays text";
}

TEST(Providers, AreFilteredByThresholds) {
    EXPECT_EQ(json("")["found"], 2);
    EXPECT_EQ(json("?state=waiting")["found"], 1) << "the one that was enrolled a moment ago";
    EXPECT_EQ(json("?pass=1")["found"], 1);
    EXPECT_EQ(json("?rate=1000000000")["found"], 0);
}

TEST(Providers, AreSortedBothWays) {
    EXPECT_EQ(json("?sort=rank")["providers"][0]["name"], "n");
    EXPECT_EQ(json("?sort=-rank")["providers"][1]["name"], "n");
    EXPECT_THAT(body("/providers?sort=-rate"), HasSubstr("aria-sort=\"ascending\""));
}

TEST(Providers, PagesHaveBounds) {
    EXPECT_EQ(json("?rows=1&page=2")["providers"].size(), 1U);
    EXPECT_EQ(json("?rows=1&page=3")["providers"].size(), 0U);
    EXPECT_EQ(status("/providers?rows=1&page=2"), 200U);
    for (const char* bad : {"?page=0", "?page=-1", "?page=x", "?rows=1001", "?page=3",
                            "?sort=colour", "?state=happy", "?pass=101", "?rate=-1"})
        EXPECT_EQ(status(std::string{"/providers"} + bad), 400U) << bad;
    EXPECT_EQ(status("/providers.json?page=0"), 400U);
    EXPECT_EQ(status("/providers.csv?q=" + std::string(1'100, 'a')), 414U);
}

TEST(Providers, OneWithItsDevices) {
    const std::string address = to_checksum_text(
        PayoutAddress{{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}});
    const std::string page = body("/providers/" + address);
    for (std::size_t i = 0; i < network().world.device_count(); ++i)
        EXPECT_THAT(page, HasSubstr("/devices/" + to_hex(network().world.device_id(i))));
    EXPECT_THAT(page, HasSubstr("4 devices on 3 nodes"));
    EXPECT_EQ(status("/providers/0x1234"), 404U);
    EXPECT_EQ(status("/providers/0x00000000000000000000000000000000000000aa"), 404U);
    EXPECT_EQ(status("/providers/%3Cscript%3E"), 404U);
}

}  // namespace
}  // namespace vigil::verifier::web
