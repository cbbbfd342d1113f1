#include "proto/edge/files.hpp"

#include <array>
#include <atomic>
#include <gmock/gmock.h>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

// RFC 8032, 7.1, test 1.
constexpr const char* seed_hex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr const char* public_hex =
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

TEST(Internal, SaysItsCodeFirstAndWhatToDo) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(report_internal("vigil-node", std::runtime_error{"vector::at"}), exit_check_failed);
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(said.starts_with("vigil-node: E-INTERNAL: vector::at. ")) << said;
    EXPECT_THAT(said, HasSubstr("please report it"));
    EXPECT_TRUE(said.ends_with("\n"));
}

TEST(Secret, IsReadWhenOnlyItsOwnerMay) {
    const Scratch scratch;
    EXPECT_EQ(read_secret(scratch.write("a", "hush\n", 0600)), "hush\n");
    EXPECT_EQ(read_secret(scratch.write("b", "hush", 0400)), "hush");
}

TEST(Secret, IsRefusedWithTheCommandThatMendsItsMode) {
    const Scratch scratch;
    for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0777U}) {
        const auto path = scratch.write("key", "hush", mode);
        const std::string said = fatal("E-KEYMODE", [&] { read_secret(path); });
        EXPECT_THAT(said, AllOf(HasSubstr("chmod 600 '" + path.string() + "'"),
                                testing::Not(HasSubstr("hush"))));
    }
    EXPECT_THAT(fatal("E-KEYMODE", [&] { read_secret(scratch.write("key", "hush", 0644)); }),
                HasSubstr("0644"));
}

TEST(Secret, OfSomebodyElseIsRefused) {
    const Scratch scratch;
    fs::path path = "/etc/passwd";
    if (::geteuid() == 0) {
        path = scratch.write("key", "hush");
        ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    }
    EXPECT_THAT(fatal("E-KEYOWNER", [&] { read_secret(path); }), HasSubstr("chown"));
}

TEST(Secret, OfAServicesOwnUserIsLeftToIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root can give a file away";
    const Scratch scratch;
    const fs::path folder = scratch.path("vigil-node");
    write_new_secret(folder / "node.key", "hush");
    ASSERT_EQ(::chown((folder / "node.key").c_str(), 63421, 63421), 0);
    EXPECT_THAT(
        fatal("E-KEYOWNER", [&] { read_secret(folder / "node.key"); }),
        AllOf(HasSubstr("systemd-run --pipe --wait -p DynamicUser=yes -p User=vigil-node -p "
                        "StateDirectory=vigil-node"),
              testing::Not(HasSubstr("chown"))));
}

TEST(Secret, ThatCannotBeReadIsRefused) {
    const Scratch scratch;
    EXPECT_THAT(fatal("E-KEYREAD", [&] { read_secret(scratch.path("none")); }),
                HasSubstr(scratch.path("none").string()));
    fatal("E-KEYREAD", [&] { read_secret(scratch.path("")); });
    const auto pipe = scratch.path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    fatal("E-KEYREAD", [&] { read_secret(pipe); });
    EXPECT_EQ(read_secret(scratch.write("full", std::string(65536, 'x'))).size(), 65536U);
    fatal("E-KEYREAD", [&] { read_secret(scratch.write("over", std::string(65537, 'x'))); });
}

TEST(NewSecret, HasMode0600WhateverTheUmask) {
    const Scratch scratch;
    const mode_t before = ::umask(0);
    write_new_secret(scratch.path("open"), "a");
    ::umask(0277);
    write_new_secret(scratch.path("tight"), "b");
    ::umask(before);
    EXPECT_EQ(mode_of(scratch.path("open")), 0600U);
    EXPECT_EQ(mode_of(scratch.path("tight")), 0600U);
    EXPECT_EQ(content_of(scratch.path("tight")), "b");
}

TEST(NewSecret, NeverOverwrites) {
    const Scratch scratch;
    const auto path = scratch.write("key", "old");
    EXPECT_THAT(fatal("E-KEYEXISTS", [&] { write_new_secret(path, "new"); }),
                HasSubstr(path.string()));
    EXPECT_EQ(content_of(path), "old");
    fs::create_symlink(scratch.path("elsewhere"), scratch.path("link"));
    fatal("E-KEYEXISTS", [&] { write_new_secret(scratch.path("link"), "new"); });
    EXPECT_FALSE(fs::exists(scratch.path("elsewhere")));
    EXPECT_EQ(std::distance(fs::directory_iterator{scratch.path("")}, {}), 2) << "drafts remain";
}

TEST(NewSecret, MakesAPrivateFolder) {
    const Scratch scratch;
    write_new_secret(scratch.path("a") / "b" / "key", "x");
    EXPECT_EQ(mode_of(scratch.path("a") / "b"), 0700U);
    EXPECT_EQ(content_of(scratch.path("a") / "b" / "key"), "x");
}

TEST(NewSecret, InAFolderThatCannotBeIsAnError) {
    const Scratch scratch;
    scratch.write("file", "");
    fatal("E-FILE", [&] { write_new_secret(scratch.path("file") / "key", "x"); });
}

TEST(Key, IsMadeOnceAndThenTheSame) {
    const Scratch scratch;
    const auto path = scratch.path("node.key");
    const LoadedKey made = load_or_create_key(path);
    EXPECT_TRUE(made.created);
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_EQ(content_of(path).size(), 65U);
    const LoadedKey again = load_or_create_key(path);
    EXPECT_FALSE(again.created);
    EXPECT_EQ(again.key.public_key(), made.key.public_key());
    EXPECT_NE(load_or_create_key(scratch.path("other")).key.public_key(), made.key.public_key());
}

TEST(Key, ComesFromTheSeedInTheFile) {
    const Scratch scratch;
    for (const char* end : {"", "\n"}) {
        const auto path = scratch.write("key", std::string{seed_hex} + end);
        EXPECT_EQ(to_hex(load_or_create_key(path).key.public_key()), public_hex);
    }
}

TEST(Key, FileOfAnotherFormIsRefusedAndKept) {
    const Scratch scratch;
    const std::string seed = seed_hex;
    for (const std::string& text : {std::string{}, seed.substr(1), seed + "0", seed + "\n\n",
                                    seed + "\r\n", seed.substr(1) + "g", seed.substr(1) + " "}) {
        const auto path = scratch.write("key", text);
        EXPECT_THAT(fatal("E-KEYREAD", [&] { load_or_create_key(path); }),
                    testing::Not(HasSubstr(seed.substr(8, 16))));
        EXPECT_EQ(content_of(path), text);
    }
    fatal("E-KEYMODE", [&] { load_or_create_key(scratch.write("key", seed, 0640)); });
}

TEST(ReplacedFile, IsNeverSeenInPart) {
    const Scratch scratch;
    const auto path = scratch.path("file");
    const std::string old_text(200'000, 'o'), new_text(100'000, 'n');
    replace_file(path, old_text);
    std::atomic<bool> done = false;
    std::thread reader{[&] {
        while (!done) {
            const std::string seen = content_of(path);
            EXPECT_TRUE(seen == old_text || seen == new_text) << seen.size();
        }
    }};
    for (int i = 0; i < 20; ++i) replace_file(path, i % 2 == 0 ? new_text : old_text);
    done = true;
    reader.join();
    EXPECT_EQ(std::distance(fs::directory_iterator{scratch.path("")}, {}), 1) << "drafts remain";
}

TEST(ReplacedFile, HasTheModeAsked) {
    const Scratch scratch;
    replace_file(scratch.path("public"), "x");
    replace_file(scratch.path("private"), "x", 0600);
    EXPECT_EQ(mode_of(scratch.path("public")), 0644U);
    EXPECT_EQ(mode_of(scratch.path("private")), 0600U);
}

TEST(ReplacedFile, WithoutAFolderIsAnErrorThatLeavesNothing) {
    const Scratch scratch;
    EXPECT_THAT(fatal("E-FILE", [&] { replace_file(scratch.path("no") / "file", "x"); }),
                HasSubstr("no/file"));
    fs::create_directory(scratch.path("folder"));
    fatal("E-FILE", [&] { replace_file(scratch.path("folder"), "x"); });
    EXPECT_EQ(std::distance(fs::directory_iterator{scratch.path("")}, {}), 1) << "drafts remain";
}

TEST(File, IsReadUpToItsLimit) {
    const Scratch scratch;
    EXPECT_EQ(read_file_or_empty(scratch.path("none"), 10), "");
    const auto path = scratch.write("file", "0123456789");
    EXPECT_EQ(read_file_or_empty(path, 10), "0123456789");
    EXPECT_THAT(fatal("E-FILE", [&] { read_file_or_empty(path, 9); }),
                AllOf(HasSubstr(path.string()), HasSubstr("9 bytes")));
    fatal("E-FILE", [&] { read_file_or_empty(scratch.path(""), 10); });
    fatal("E-FILE", [&] { read_file_or_empty(path / "below", 10); });
}

TEST(RandomBytes, FillTheWholeSpanAnew) {
    std::set<std::vector<std::uint8_t>> seen;
    for (int i = 0; i < 100; ++i) {
        std::vector<std::uint8_t> bytes(1000);
        random_bytes(bytes);
        EXPECT_TRUE(std::any_of(bytes.end() - 16, bytes.end(), [](auto b) { return b != 0; }));
        seen.insert(bytes);
    }
    EXPECT_EQ(seen.size(), 100U);
    random_bytes({});
}

}  // namespace
}  // namespace vigil::edge
