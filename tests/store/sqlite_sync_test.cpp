#include <atomic>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/store/contract.hpp"
#include "tests/store/samples.hpp"

namespace {
std::atomic<int> synced{0};
}  // namespace

// SQLite finds these before libc's: what it asks the disk for is counted, and done.
extern "C" int fsync(int file) {
    ++synced;
    return static_cast<int>(::syscall(SYS_fsync, file));
}
extern "C" int fdatasync(int file) {
    ++synced;
    return static_cast<int>(::syscall(SYS_fdatasync, file));
}

// When a SQLite file's commits are on stable storage, as far as a program can tell: it asked.
namespace vigil::verifier {
namespace {

class SqliteSync : public testing::Test {
protected:
    static void heartbeat(Transaction& tx, int n) { tx.add_heartbeat(1, samples::at(n)); }
    /// How often the disk was asked while that was done.
    template <class Work>
    static int syncs(Work work) {
        const int before = synced;
        work();
        return synced - before;
    }

    TemporaryFolder folder_;
    std::unique_ptr<Store> store_ = open_sqlite_store(folder_.file());
};

TEST_F(SqliteSync, EveryWriteAsksTheDisk) {
    for (int n = 0; n < 3; ++n)
        EXPECT_GE(syncs([&] { store_->write([&](Transaction& tx) { heartbeat(tx, n); }); }), 1);
}

TEST_F(SqliteSync, WhatIsRedoneWaitsForTheNextWrite) {
    store_->write([](Transaction& tx) { heartbeat(tx, 0); });
    EXPECT_EQ(syncs([&] {
                  for (int n = 1; n < 9; ++n)
                      store_->write_redoable([&](Transaction& tx) { heartbeat(tx, n); });
              }),
              0);
    EXPECT_GE(syncs([&] { store_->write([](Transaction& tx) { heartbeat(tx, 9); }); }), 1);
    EXPECT_EQ(samples::read(*store_,
                            [](Reader& reader) {
                                return reader.heartbeats(samples::at(0), samples::at(9)).size();
                            }),
              10U);
}

TEST_F(SqliteSync, AnAnswerAfterWhatIsRedoneAsksTheDisk) {
    const samples::Enrolled one = samples::enrol(*store_, 1, 1);
    store_->write_redoable([](Transaction& tx) { heartbeat(tx, 1); });
    const AnswerRecord answer = samples::answer(one.node.ref, {samples::hourly(one.first(), 0)}, 1);
    const AnswerRecord* answers[] = {&answer};
    EXPECT_GE(syncs([&] { store_->record(answers); }), 1);
}

TEST_F(SqliteSync, WhatIsRedoneAsksNoMoreAfterAFailedWrite) {
    store_->write([](Transaction& tx) { heartbeat(tx, 0); });
    EXPECT_THROW(store_->write([](Transaction&) { throw StoreFailed{"a guard"}; }), StoreFailed);
    EXPECT_EQ(syncs([&] { store_->write_redoable([](Transaction& tx) { heartbeat(tx, 1); }); }), 0);
    EXPECT_THROW(store_->write_redoable([](Transaction&) { throw StoreFailed{"a guard"}; }),
                 StoreFailed);
    EXPECT_GE(syncs([&] { store_->write([](Transaction& tx) { heartbeat(tx, 2); }); }), 1);
}

}  // namespace
}  // namespace vigil::verifier
