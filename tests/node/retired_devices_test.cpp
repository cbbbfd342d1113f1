#include "node/retired_devices.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

DeviceId device(std::uint8_t fill) {
    DeviceId id;
    id.bytes.fill(fill);
    return id;
}

TEST(RetiredDevices, AreKeptUntilForgotten) {
    const test::Folder folder;
    EXPECT_TRUE(retired_devices(folder.path()).empty());
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    note_retired(folder.path(), device(2), "GPU-2\nno line of its own");
    EXPECT_EQ(retired_devices(folder.path()), (std::set{device(1), device(2)}));
    EXPECT_TRUE(forget_retired(folder.path(), device(1)));
    EXPECT_FALSE(forget_retired(folder.path(), device(1)));
    EXPECT_EQ(retired_devices(folder.path()), std::set{device(2)});
}

TEST(RetiredDevices, OtherLinesArePassedOver) {
    const test::Folder folder;
    std::ofstream{folder.path() / "retired"} << "# a word\n\n0x\n" << to_hex(device(3)) << "\n";
    EXPECT_EQ(retired_devices(folder.path()), std::set{device(3)});
}

}  // namespace
}  // namespace vigil::node
