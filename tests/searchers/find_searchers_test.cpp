#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/searchers.hpp"

namespace vigil::node {
namespace {

TEST(FindSearchers, OnlyTheCpuWhenOnlyTheCpuMayBeUsed) {
    const FoundSearchers found = find_searchers({.cpu_threads = 2,
                                                 .use_opencl = false,
                                                 .use_cuda = false,
                                                 .backends = {},
                                                 .machine_id = "abc"});
    ASSERT_EQ(found.searchers.size(), 1U);
    const DeviceDescription& device = found.searchers[0]->device();
    EXPECT_EQ(device.backend, Backend::cpu);
    EXPECT_EQ(device.uid, "cpu:abc");
    EXPECT_EQ(device.compute_units, 2U);
    EXPECT_THAT(found.notes,
                testing::Contains(testing::HasSubstr("no GPU found: hashing on the CPU")));
}

}  // namespace
}  // namespace vigil::node
