#include <gmock/gmock.h>

#include "core/policy/policy.hpp"
#include "tests/store/samples.hpp"
#include "verifier/demo/report.hpp"

// What the demo claims to have shown, judged over records put there by hand.
namespace vigil::verifier::demo {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class DemoReport : public testing::Test {
protected:
    /// Slot `ref` of a device, judged so against that baseline.
    void check(std::uint64_t ref, Verdict verdict, std::uint64_t baseline) {
        AnswerRecord answer =
            samples::answer(enrolled_.node.ref, {samples::hourly(device_, ref)}, ref);
        answer.verdicts.front().judgement.verdict = verdict;
        answer.verdicts.front().judgement.baseline = baseline;
        ASSERT_EQ(samples::record(*store_, answer).kind, AnswerFate::Kind::recorded);
    }
    void close(std::int64_t window, bool complete) {
        samples::close(*store_, window, {samples::window(device_, window, 500'000, complete)});
    }
    std::vector<std::string> unmet(Part part) {
        return samples::read(*store_, [&](Reader& reader) {
            return unmet_expectations(reader, Calendar{policy_}, {{"node 1", part}}, {{0}, 1}, 0);
        });
    }

    const Policy policy_ = preset(preset_names().front()).value();
    std::unique_ptr<Store> store_ = open_sqlite_store(":memory:");
    samples::Enrolled enrolled_ = samples::enrol(*store_, 1, 1);
    const DeviceRef device_ = enrolled_.first();
};

TEST_F(DemoReport, LazyMayCompleteAWindowBeforeItHasABaseline) {
    check(0, Verdict::passed, 0);
    close(0, true);
    check(4, Verdict::below_rate, 500'000);
    close(1, false);
    EXPECT_THAT(unmet(Part::lazy), IsEmpty());
}

TEST_F(DemoReport, LazyCompletesNoOther) {
    check(0, Verdict::below_rate, 500'000);
    close(0, true);
    EXPECT_THAT(unmet(Part::lazy), Contains(HasSubstr("1 windows are complete")));
}

TEST_F(DemoReport, LazyIsFoundOut) {
    check(0, Verdict::passed, 0);
    close(0, true);
    EXPECT_THAT(unmet(Part::lazy), Contains(HasSubstr("no check is below_rate")));
}

TEST_F(DemoReport, HonestPassesNineChecksInTen) {
    for (std::uint64_t ref = 0; ref < 10; ++ref)
        check(ref, ref == 0 ? Verdict::missed : Verdict::passed, 500'000);
    for (std::int64_t window = 0; window < 3; ++window) close(window, true);
    EXPECT_THAT(unmet(Part::honest), IsEmpty());
    check(12, Verdict::missed, 500'000);
    close(3, true);
    EXPECT_THAT(unmet(Part::honest), Contains(HasSubstr("only 9 of 11 checks passed")));
}

}  // namespace
}  // namespace vigil::verifier::demo
