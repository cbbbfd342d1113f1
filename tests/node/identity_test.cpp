#include "node/identity.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/base/ids.hpp"
#include "proto/edge/files.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::Folder;
using ::testing::HasSubstr;

void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream{file} << text;
}

TEST(NodeKey, IsMadeOnceAndOnlyForItsOwner) {
    const Folder folder;
    const Identity first = load_identity(folder.path());
    EXPECT_TRUE(first.created);
    EXPECT_EQ(first.id, node_id(first.key.public_key()));
    struct stat about {};
    ASSERT_EQ(::stat((folder.path() / "node.key").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777u, 0600u);
    const Identity second = load_identity(folder.path());
    EXPECT_FALSE(second.created);
    EXPECT_EQ(second.id, first.id);
}

TEST(NodeKey, ReadableByOthersIsRefusedWithTheFix) {
    const Folder folder;
    load_identity(folder.path());
    ::chmod((folder.path() / "node.key").c_str(), 0644);
    try {
        load_identity(folder.path());
        FAIL() << "a readable key was taken";
    } catch (const edge::Fatal& fatal) {
        EXPECT_EQ(fatal.code, "E-KEYMODE");
        EXPECT_EQ(fatal.exit_code, edge::exit_configuration);
        EXPECT_THAT(fatal.what(), HasSubstr("chmod"));
    }
}

TEST(MachineId, FollowsTheSystemsButDoesNotShowIt) {
    const Folder folder;
    const auto system = folder.path() / "system";
    write(system, "0123456789abcdef0123456789abcdef\n");
    const std::string id = machine_id(system, folder.path());
    EXPECT_EQ(id.size(), 32u);
    EXPECT_NE(id, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(machine_id(system, folder.path()), id);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "machine-id"));
}

TEST(MachineId, IsMadeAndKeptWhereTheSystemHasNone) {
    const Folder folder;
    const Folder other;
    for (const char* content : {"", "\n", "uninitialized\n"}) {
        write(folder.path() / "system", content);
        const std::string id = machine_id(folder.path() / "system", folder.path());
        EXPECT_EQ(id.size(), 32u);
        EXPECT_EQ(machine_id(folder.path() / "no such file", folder.path()), id);
        EXPECT_NE(machine_id(folder.path() / "system", other.path()), id);
    }
}

TEST(DataFolder, IsHeldByOneProcess) {
    const Folder folder;
    const DataFolder held{folder.path() / "node"};
    try {
        const DataFolder again{folder.path() / "node"};
        FAIL() << "two nodes on one folder";
    } catch (const edge::Fatal& fatal) {
        EXPECT_EQ(fatal.code, "E-DATADIR");
        EXPECT_THAT(fatal.what(), HasSubstr("another vigil-node"));
    }
}

TEST(DataFolder, ThatCannotBeMadeIsExplained) {
    const Folder folder;
    write(folder.path() / "file", "x");
    EXPECT_THROW(DataFolder{folder.path() / "file" / "below"}, edge::Fatal);
}

TEST(NetworkPin, TheFirstNetworkIsKeptAndAnotherOneRefused) {
    const Folder folder;
    const NetworkId mine = network_id("mine");
    EXPECT_FALSE(pinned_network(folder.path()));
    pin_network(folder.path(), mine, "mine", "v:1");
    EXPECT_EQ(pinned_network(folder.path()), mine);
    EXPECT_NO_THROW(pin_network(folder.path(), mine, "mine", "v:1"));
    try {
        pin_network(folder.path(), network_id("other"), "other", "v:2");
        FAIL() << "another network was taken";
    } catch (const edge::Fatal& fatal) {
        EXPECT_EQ(fatal.code, "E-NETWORK");
        EXPECT_EQ(fatal.exit_code, edge::exit_refused);
        EXPECT_THAT(fatal.what(), HasSubstr("v:2"));
    }
    EXPECT_EQ(pinned_network(folder.path()), mine);
}

}  // namespace
}  // namespace vigil::node
