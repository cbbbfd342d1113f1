#include "node/rehearse.hpp"

#include <gtest/gtest.h>

#include "core/uptime/judge.hpp"
#include "node/journal.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::check_of;
using test::Folder;

DeviceCheck device_check(CheckKind kind, std::uint8_t fill) {
    DeviceCheck check{check_of({.kind = kind}), {}, {}, {}, {}};
    check.challenge.bytes.fill(fill);
    return check;
}
Proof honest_proof(const DeviceCheck& check) {
    return {check.device, check.challenge, {5, 6, 7}, 99};
}

TEST(LazyOwner, WorksForRollCallsAndCalibrationsOnly) {
    const ProofSource lazy = lazy_source();
    for (const CheckKind kind :
         {CheckKind::roll_call, CheckKind::calibration, CheckKind::hourly, CheckKind::spot}) {
        const DeviceCheck check = device_check(kind, 1);
        bool worked = false;
        const auto proof = lazy(check, [&] {
            worked = true;
            return std::optional{honest_proof(check)};
        });
        ASSERT_TRUE(proof);
        EXPECT_EQ(worked, kind == CheckKind::roll_call || kind == CheckKind::calibration);
        EXPECT_EQ(proof->challenge, check.challenge);
        if (!worked) {
            EXPECT_TRUE(well_formed(proof->nonces, check.check.k))
                << "below the rate, not malformed";
        }
    }
}

TEST(Replayer, StealsAndRepeatsButNeverWorks) {
    const Folder folder;
    const auto stolen_file = folder.path() / "answers";
    std::vector<Answer> posted;
    const ProofSource replayer = replayer_source(
        stolen_file, [&](const Answer& answer, const DeviceCheck&) { posted.push_back(answer); });
    bool worked = false;
    const auto run = [&](CheckKind kind, std::uint8_t fill) {
        const DeviceCheck check = device_check(kind, fill);
        return replayer(check, [&, check] {
            worked = true;
            return std::optional{honest_proof(check)};
        });
    };
    const auto calibration = run(CheckKind::calibration, 1);
    ASSERT_TRUE(calibration);
    EXPECT_TRUE(std::exchange(worked, false));

    const Proof foreign{DeviceId{{9}}, Challenge{{9}}, {1, 2}, 3};
    LineFile{stolen_file, 1 << 20}.append(answer_line({CheckKind::hourly, {{foreign}}, {}, {}}));
    EXPECT_FALSE(run(CheckKind::hourly, 2));
    EXPECT_FALSE(run(CheckKind::roll_call, 3));
    EXPECT_FALSE(worked);
    ASSERT_EQ(posted.size(), 4u);
    EXPECT_EQ(posted[0].proofs, std::vector<Proof>{foreign});
    EXPECT_EQ(posted[1].proofs, std::vector<Proof>{*calibration});
}

}  // namespace
}  // namespace vigil::node
