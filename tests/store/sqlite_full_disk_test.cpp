#include <fstream>
#include <sys/mount.h>

#include "tests/store/contract.hpp"
#include "verifier/store/sqlite_store.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

AnswerRecord large_answer(const Enrolled& e, std::uint64_t n) {
    auto out = answer(e.node.ref, {hourly(e.first(), n)}, n);
    out.signed_bytes.assign(20'000, static_cast<std::uint8_t>(n));
    return out;
}

/// Records answers until the store has no room; the last one it took.
std::uint64_t fill(Store& store, const Enrolled& e, std::string& words) {
    for (std::uint64_t n = 1; n <= 100'000; ++n) {
        try {
            record(store, large_answer(e, n));
        } catch (const StoreFailed& failed) {
            words = failed.what();
            return n - 1;
        }
    }
    return 0;
}

void expect_intact(Store& store, std::uint64_t taken) {
    store.read([&](Reader& r) {
        EXPECT_EQ(r.answer_count(), static_cast<std::int64_t>(taken));
        EXPECT_EQ(r.unjudged_answers({0}).size(), 0U);
        std::size_t verdicts = 0;
        for (std::uint64_t w = 0; w <= taken / 4; ++w)
            verdicts += r.verdicts_of({static_cast<std::int64_t>(w)}).size();
        EXPECT_EQ(verdicts, taken);
    });
}

TEST(SqliteFullDisk, FullStoreKeepsWhatItTookAndSaysWhatToDo) {
    for (const char* const place : {"file", "memory"}) {
        TemporaryFolder folder;
        const auto store = open_sqlite_store(
            SqliteSettings{.path = place == std::string{"file"} ? folder.file() : ":memory:",
                           .readers = 2,
                           .max_pages = 400});
        const auto e = enrol(*store, 9, 1);
        std::string words;
        const auto taken = fill(*store, e, words);
        EXPECT_GT(taken, 20U);
        EXPECT_NE(words.find("full"), std::string::npos) << words;
        EXPECT_NE(words.find("free space"), std::string::npos) << words;
        expect_intact(*store, taken);
        EXPECT_EQ(store->health().failures, 1U);
        store->write([](Transaction& tx) { tx.add_heartbeat(0, at(1)); });  // small ones still fit
    }
}

TEST(SqliteFullDisk, FailureInsideATransactionCannotBeSwallowed) {
    TemporaryFolder folder;
    const auto store =
        open_sqlite_store(SqliteSettings{.path = folder.file(), .readers = 2, .max_pages = 400});
    const auto e = enrol(*store, 9, 1);
    std::string words;
    const auto taken = fill(*store, e, words);
    EXPECT_THROW(store->write([&](Transaction& tx) {
        tx.add_heartbeat(0, at(1));
        try {
            for (std::uint64_t n = taken + 1; n < taken + 50; ++n) tx.record(large_answer(e, n));
        } catch (const StoreFailed&) {
        }
        tx.add_heartbeat(0, at(2));
    }),
                 StoreFailed);
    EXPECT_TRUE(read(*store, [](Reader& r) { return r.heartbeats(at(0), at(9)); }).empty());
    expect_intact(*store, taken);
}

/// A file system of its own with room for `bytes`; not mounted where that is not allowed.
class SmallDisk {
public:
    explicit SmallDisk(const std::string& folder, const std::string& options) : folder_{folder} {
        std::filesystem::create_directory(folder);
        mounted_ = ::mount("none", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }

private:
    std::string folder_;
    bool mounted_{};
};

TEST(SqliteFullDisk, StoreGoesOnWhenSpaceReturns) {
    TemporaryFolder folder;
    const SmallDisk disk{folder.file("disk"), "size=12m"};
    if (!disk.mounted()) GTEST_SKIP() << "SKIPPED: mounting a tmpfs is not allowed here";
    const std::string ballast = folder.file("disk/ballast");
    std::ofstream{ballast} << std::string(6 << 20, 'x');

    const auto store = open_sqlite_store(folder.file("disk/vigil.db"));
    const auto e = enrol(*store, 9, 1);
    std::string words;
    const auto taken = fill(*store, e, words);
    EXPECT_GT(taken, 20U);
    EXPECT_NE(words.find("free space"), std::string::npos) << words;
    expect_intact(*store, taken);
    EXPECT_THROW(record(*store, large_answer(e, taken + 1)), StoreFailed);

    std::filesystem::remove(ballast);
    EXPECT_EQ(record(*store, large_answer(e, taken + 1)).kind, AnswerFate::Kind::recorded);
    expect_intact(*store, taken + 1);
}

}  // namespace
}  // namespace vigil::verifier
