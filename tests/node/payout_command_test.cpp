#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>

#include "node/commands.hpp"
#include "proto/edge/files.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using ::testing::HasSubstr;

constexpr const char* old_address = "0x52908400098527886E0F7030069857D2E4169EE7";
constexpr const char* new_address = "0x8617E340B3D01FA5F11F306F4090FD50E238070D";

struct PayoutCommand : ::testing::Test {
    test::Folder folder;
    std::string file = (folder.path() / "node.toml").string();

    std::string content() {
        std::ifstream in{file};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    int change(const std::string& toml, const std::string& address, const std::string& flag = {}) {
        std::ofstream{file} << toml;
        EXPECT_EQ(::chmod(file.c_str(), 0640), 0);
        Config config;
        edge::Settings settings;
        declare(settings, config);
        if (!flag.empty()) settings.set_flag("payout", flag);
        settings.load(file, [](const char*) -> const char* { return nullptr; }, {});
        return change_payout(config, settings, address);
    }
    std::string refusal(const std::string& toml, const std::string& address,
                        const std::string& flag = {}) {
        try {
            change(toml, address, flag);
        } catch (const edge::Fatal& fatal) {
            EXPECT_EQ(fatal.code, "E-PAYOUT");
            EXPECT_EQ(content(), toml) << "nothing is written";
            return fatal.what();
        }
        return "nothing was refused";
    }
};

TEST_F(PayoutCommand, ChangesItsLineAndNothingElse) {
    const std::string before = "# mine\nname = \"payout\"\n  payout=  '" +
                               std::string{old_address} + "'  # yours\n[http]\nport = 1\n";
    EXPECT_EQ(change(before, new_address), 0);
    EXPECT_EQ(content(), "# mine\nname = \"payout\"\n  payout=  '" + std::string{new_address} +
                             "'  # yours\n[http]\nport = 1\n");
    struct stat state {};
    ASSERT_EQ(::stat(file.c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777U, 0640U);
}

TEST_F(PayoutCommand, AWrongAddressOrAnotherSourceIsRefused) {
    const std::string toml = "payout = \"" + std::string{old_address} + "\"\n";
    EXPECT_THAT(refusal(toml, "0x8617E340B3D01FA5F11F306F4090FD50E238070d"), HasSubstr("payout"));
    EXPECT_THAT(refusal(toml, new_address, old_address), HasSubstr("flag --payout"));
    EXPECT_THAT(refusal("name = \"a\"\n", new_address), HasSubstr("adding payout"));
    EXPECT_THAT(refusal("payout = \"\"\"" + std::string{old_address} + "\"\"\"\n", new_address),
                HasSubstr("by hand"));
}

TEST_F(PayoutCommand, WithoutAnAddressItOnlyShows) {
    const std::string toml = "payout = \"" + std::string{old_address} + "\"\n";
    EXPECT_EQ(change(toml, ""), 0);
    EXPECT_EQ(content(), toml);
}

}  // namespace
}  // namespace vigil::node
