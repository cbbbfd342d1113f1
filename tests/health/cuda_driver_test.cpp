#include "health/cuda_driver.hpp"

#include <gtest/gtest.h>

#include "tests/health/places.hpp"

namespace vigil::health {
namespace {

TEST(CudaDriver, ListsCardsWithTheirCapability) {
    const CudaDriver driver = look_at_cuda_driver(FAKE_CUDA);
    EXPECT_TRUE(driver.present);
    EXPECT_EQ(driver.version, 12'040);
    EXPECT_EQ(driver.trouble, "");
    ASSERT_EQ(driver.cards.size(), 2U);
    EXPECT_EQ(driver.cards[0].name, "New card");
    EXPECT_EQ(driver.cards[0].uuid, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
    EXPECT_EQ(driver.cards[1].uuid, "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff");
    EXPECT_EQ(driver.cards[1].major, 6);
    EXPECT_EQ(driver.cards[1].minor, 1);
}

TEST(CudaDriver, SaysWhyItListsNone) {
    const test::Tree tree;
    tree.write("init", "804");
    ::setenv("FAKE_CUDA_FILE", (tree.path() / "init").c_str(), 1);
    const CudaDriver broken = look_at_cuda_driver(FAKE_CUDA);
    EXPECT_EQ(broken.trouble, "the CUDA driver does not start (error 804)");
    EXPECT_TRUE(broken.cards.empty());
    tree.write("init", "100");  // it starts, and has no device
    EXPECT_EQ(look_at_cuda_driver(FAKE_CUDA).trouble, "");
    ::unsetenv("FAKE_CUDA_FILE");
}

TEST(CudaDriver, NoneAndAnotherLibrary) {
    const CudaDriver none = look_at_cuda_driver("/nowhere/libcuda.so.1");
    EXPECT_FALSE(none.present);
    EXPECT_EQ(none.trouble, "/nowhere/libcuda.so.1 is not here");
    const CudaDriver other = look_at_cuda_driver(FAKE_NVML_NEW);
    EXPECT_TRUE(other.present);
    EXPECT_NE(other.trouble.find("not a CUDA driver"), std::string::npos);
}

}  // namespace
}  // namespace vigil::health
