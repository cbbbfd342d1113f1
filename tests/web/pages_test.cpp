#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/web/web_world.hpp"

namespace vigil::verifier::web {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Pages, EveryPageIsADocumentWithoutAScriptOfItsOwn) {
    for (const char* path : {"/", "/?range=1d", "/policy", "/providers", "/log"}) {
        const std::string response = network().get(path);
        EXPECT_EQ(edge::status_of(response), 200U) << path;
        EXPECT_THAT(response, HasSubstr("Content-Security-Policy: default-src 'self'"));
        EXPECT_THAT(response, HasSubstr("Content-Type: text/html; charset=utf-8"));
        const std::string body = edge::body_of(response);
        EXPECT_TRUE(body.starts_with("<!doctype html>"));
        EXPECT_THAT(body, Not(HasSubstr("style=")));
        EXPECT_THAT(body, Not(HasSubstr("<script>")));
        EXPECT_THAT(body, Not(HasSubstr("http://"))) << "no outside request";
        EXPECT_THAT(body, HasSubstr("<main id=\"main\">"));
    }
}

TEST(Pages, TheNetworksNumbersAreThere) {
    const std::string body = edge::body_of(network().get("/"));
    EXPECT_THAT(body, HasSubstr("Verified hash rate now"));
    EXPECT_THAT(body, HasSubstr("5 devices"));
    EXPECT_THAT(body, HasSubstr("Last roll call"));
}

TEST(Pages, ThePolicyIsThereByteForByte) {
    const std::string body = edge::body_of(network().get("/policy"));
    EXPECT_THAT(body, HasSubstr("multiplier_ppm=[0,1000000,1319500"));
    EXPECT_THAT(body, HasSubstr(to_hex(policy_hash(network().world.policy()))));
}

TEST(Pages, HeadHasTheHeadersOnly) {
    const std::string response = network().get("/", "HEAD");
    EXPECT_EQ(edge::status_of(response), 200U);
    EXPECT_EQ(edge::body_of(response), "");
}

TEST(Pages, WhatCannotBeAnsweredIsSaidWithAWayOn) {
    EXPECT_EQ(edge::status_of(network().get("/nowhere")), 404U);
    EXPECT_THAT(network().get("/nowhere"), HasSubstr("href=\"/providers\""));
    EXPECT_EQ(edge::status_of(network().get("/?range=9d")), 400U);
    EXPECT_EQ(edge::status_of(network().get("/?a=%zz")), 400U);
    EXPECT_EQ(edge::status_of(network().get("/?" + std::string(1'025, 'a'))), 414U);
    EXPECT_EQ(edge::status_of(network().get("/", "POST")), 405U);
}

TEST(Pages, AssetsAreKeptAndComparedByTheirTag) {
    const std::string page = network().get("/");
    const auto at = page.find("/assets/vigil.css?v=");
    ASSERT_NE(at, std::string::npos);
    const std::string address = page.substr(at, page.find('"', at) - at);
    const std::string css = network().get(address);
    EXPECT_EQ(edge::status_of(css), 200U);
    EXPECT_THAT(css, HasSubstr("immutable"));
    EXPECT_THAT(css, HasSubstr("Content-Type: text/css"));
    std::string tag = "If-None-Match: \"";
    tag.append(address.substr(address.find("v=") + 2)).append("\"\r\n");
    EXPECT_EQ(edge::status_of(network().get(address, "GET", tag)), 304U);
    EXPECT_THAT(network().get("/assets/vigil.css"), HasSubstr("Cache-Control: no-cache"));
    EXPECT_EQ(edge::status_of(network().get("/assets/../secret")), 404U);
    EXPECT_THAT(network().get("/assets/uPlot.LICENSE"), HasSubstr("MIT License"));
}

TEST(Pages, EventsTellTheNumbersAndWhetherThereIsMore) {
    const std::string json = live_json(*network().watch->fleet());
    EXPECT_THAT(json, HasSubstr("\"version\":1"));
    EXPECT_THAT(json, HasSubstr("\"online\":\""));
}

}  // namespace
}  // namespace vigil::verifier::web
