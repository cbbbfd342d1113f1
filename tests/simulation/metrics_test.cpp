#include "verifier/metrics.hpp"

#include <gtest/gtest.h>
#include <sstream>

#include "core/policy/policy.hpp"

namespace vigil::verifier {
namespace {

struct Exposed {
    std::map<std::string, std::string> types;
    std::map<std::string, std::size_t> series;  ///< by name, without those of a histogram's parts
    std::size_t all = 0;
};

Exposed exposed(Metrics& metrics) {
    Exposed out;
    std::istringstream text{metrics.text()};
    for (std::string line; std::getline(text, line);) {
        std::istringstream words{line};
        std::string mark, type, name;
        if (line.starts_with("# TYPE ")) {
            words >> mark >> mark >> name >> type;
            out.types[name] = type;
        } else if (!line.starts_with('#')) {
            ++out.series[line.substr(0, line.find_first_of("{ "))];
            ++out.all;
        }
    }
    return out;
}

// Dashboards and alerts are written against these names; the list is the design's.
TEST(VerifierMetrics, HaveTheirNamesTypesAndLabelsFromTheStart) {
    Metrics metrics{"1.2.3"};
    const Policy policy = preset("incentivenet-2024-10").value();
    metrics.set_policy(policy, policy_hash(policy));
    metrics.set_certificate_expiry(Instant{std::chrono::days{30'000}});
    const Exposed found = exposed(metrics);
    const std::map<std::string, std::string> expected{
        {"build_info", "gauge"},
        {"devices", "gauge"},
        {"gpus", "gauge"},
        {"checks_total", "counter"},
        {"answers_rejected_total", "counter"},
        {"windows_closed_total", "counter"},
        {"network_hashes_per_second", "gauge"},
        {"network_hashes_per_second_lower", "gauge"},
        {"network_hashes_per_second_upper", "gauge"},
        {"answer_duration_seconds", "histogram"},
        {"judging_duration_seconds", "histogram"},
        {"schedule_lag_seconds", "gauge"},
        {"open_streams", "gauge"},
        {"connections_refused_total", "counter"},
        {"broadcast_duration_seconds", "histogram"},
        {"page_duration_seconds", "histogram"},
        {"store_operation_duration_seconds", "histogram"},
        {"store_errors_total", "counter"},
        {"last_window_closed_timestamp_seconds", "gauge"},
        {"last_day_settled_timestamp_seconds", "gauge"},
        {"window_length_seconds", "gauge"},
        {"day_length_seconds", "gauge"},
        {"certificate_expiry_timestamp_seconds", "gauge"},
        {"credits_micro_total", "counter"},
        {"slashed_micro_total", "counter"},
        {"grace_used_total", "counter"},
        {"notifications_total", "counter"}};
    for (const auto& [name, type] : expected) {
        const auto at = found.types.find("vigil_verifier_" + name);
        ASSERT_NE(at, found.types.end()) << name;
        EXPECT_EQ(at->second, type) << name;
    }
    const auto count = [&](const std::string& name) {
        const auto at = found.series.find("vigil_verifier_" + name);
        return at == found.series.end() ? 0 : at->second;
    };
    EXPECT_EQ(count("checks_total"), 4U * 8U);
    EXPECT_EQ(count("answers_rejected_total"), wire::refusal_reasons);
    EXPECT_EQ(count("windows_closed_total"), 6U);
    EXPECT_EQ(count("devices"), 4U);
    EXPECT_EQ(count("slashed_micro_total"), policy.slash_tiers.size());
    EXPECT_EQ(count("answer_duration_seconds_count"), 4U);
    EXPECT_EQ(count("store_operation_duration_seconds_count"), 2U);
    EXPECT_LT(found.all, 500U);
}

TEST(VerifierMetrics, NewPolicyReplacesTheBuildInfo) {
    Metrics metrics{"1.2.3"};
    for (const char* name : {"demo", "incentivenet-2024-10"}) {
        const Policy policy = preset(name).value();
        metrics.set_policy(policy, policy_hash(policy));
    }
    EXPECT_EQ(exposed(metrics).series["vigil_verifier_build_info"], 1U);
}

}  // namespace
}  // namespace vigil::verifier
