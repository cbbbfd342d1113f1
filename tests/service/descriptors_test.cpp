#include "verifier/service/descriptors.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace vigil::verifier {
namespace {

TEST(Descriptors, ThoseOfTheDoorAndOfNodesAndFilesAreAllThereAre) {
    struct Case {
        std::size_t allowed, door, nodes;
    };
    for (const auto& [allowed, door, nodes] :
         {Case{1, 16, 0}, Case{1'024, 256, 256}, Case{4'000, 1'000, 2'488},
          Case{28'000, 7'000, 20'488}, Case{262'144, 8'192, 253'440}}) {
        EXPECT_EQ(descriptors_at_the_door(allowed), door) << allowed;
        EXPECT_EQ(nodes_carried(allowed), nodes) << allowed;
        EXPECT_EQ(descriptors_of_an_address(allowed), std::max<std::size_t>(nodes / 2, 16));
    }
}

TEST(Descriptors, AsManyAsAreSaidToBeNeededAreEnoughAndAThousandFewerAreNot) {
    for (const std::size_t nodes : {1U, 1'000U, 20'000U, 100'000U}) {
        const std::size_t needed = descriptors_for(nodes);
        EXPECT_GE(nodes_carried(needed), nodes);
        EXPECT_LT(nodes_carried(needed - 1'000), nodes);
    }
}

TEST(Descriptors, AllThatTheSystemLetsItHaveAreAllowed) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{before.rlim_max / 2, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(descriptors_allowed(), few.rlim_cur);
    EXPECT_EQ(allow_all_descriptors(), before.rlim_max);
    EXPECT_EQ(descriptors_allowed(), before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace vigil::verifier
