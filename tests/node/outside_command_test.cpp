#include "node/outside_command.hpp"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/node/tiny_searcher.hpp"

namespace {

std::atomic<bool> hanging{false};

}  // namespace

/// In the place of the system's: a killed process that hangs in its driver cannot be reaped.
extern "C" pid_t waitpid(pid_t child, int* status, int options) {
    if (hanging) return 0;
    return ::wait4(child, status, options, nullptr);
}

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

bool never() { return false; }
bool always() { return true; }

auto output_of(std::vector<std::string> words, Milliseconds limit,
               const std::function<bool()>& abandon) {
    return OutsideCommand{std::move(words)}.output(limit, abandon);
}

TEST(OutsideCommand, GivesWhatItPrints) {
    EXPECT_EQ(output_of({"/bin/sh", "-c", "echo a; echo b >&2; exit 4"}, Milliseconds{5000}, never),
              "a\n");
    EXPECT_EQ(output_of({"/nowhere/program"}, Milliseconds{5000}, never), "");
}

TEST(OutsideCommand, HasABound) {
    const auto begun = steady_clock::now();
    EXPECT_FALSE(output_of({"/bin/sleep", "20"}, Milliseconds{200}, never));
    EXPECT_FALSE(output_of({"/bin/sleep", "20"}, Milliseconds{20'000}, always));
    EXPECT_FALSE(output_of({"/bin/cat", "/dev/zero"}, Milliseconds{20'000}, never));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{10'000});
}

TEST(OutsideCommand, OneThatClosesItsOutputHasItsTime) {
    OutsideCommand command{{"/bin/sh", "-c", "exec >/dev/null; sleep 3; exit 3"}};
    const auto ended = command.run({}, Milliseconds{20'000}, never);
    ASSERT_TRUE(ended) << ended.error();
    EXPECT_EQ(ended->code, 3);
}

TEST(OutsideCommand, NobodyWaitsForWhatAProgramLeftRunning) {
    const auto begun = steady_clock::now();
    OutsideCommand command{{"/bin/sh", "-c", "echo done; sleep 20 & exit 0"}};
    const auto ended = command.run({}, Milliseconds{20'000}, never);
    ASSERT_TRUE(ended) << ended.error();
    EXPECT_EQ(ended->code, 0);
    EXPECT_EQ(ended->output, "done\n");
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{10'000});
}

TEST(OutsideCommand, OneThatCannotBeEndedBarsTheNext) {
    const test::Folder folder;
    const auto ran = folder.path() / "ran";
    OutsideCommand command{{"/bin/sh", "-c", "echo x >> " + ran.string() + "; exec sleep 20"}};
    const auto starts = [&] {
        return std::filesystem::exists(ran) ? std::filesystem::file_size(ran) / 2 : 0;
    };
    hanging = true;
    EXPECT_FALSE(command.output(Milliseconds{500}, never));
    EXPECT_EQ(starts(), 1u);
    const auto barred = command.output(Milliseconds{500}, never);
    ASSERT_FALSE(barred);
    EXPECT_NE(barred.error().find("hangs"), std::string::npos) << barred.error();
    EXPECT_EQ(starts(), 1u);
    hanging = false;
    EXPECT_FALSE(command.output(Milliseconds{500}, never));
    EXPECT_EQ(starts(), 2u);
}

TEST(OutsideCommand, HasTheUsualSignals) {
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &stop, &before);
    const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
    const auto seen = output_of({"/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"},
                                Milliseconds{5000}, never);
    ::signal(SIGPIPE, pipe_before);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ASSERT_TRUE(seen);
    unsigned long long blocked = 1, ignored = ~0ULL;
    ASSERT_EQ(std::sscanf(seen->c_str(), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2)
        << *seen;
    EXPECT_EQ(blocked, 0u);
    EXPECT_EQ(ignored >> (SIGPIPE - 1) & 1U, 0u);
}

TEST(OutsideCommand, EndsWithWhoStartedIt) {
    const test::Folder folder;
    const auto file = folder.path() / "pid";
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what is left of it comes to us
    const pid_t starter = ::fork();
    if (starter == 0) {
        (void)output_of({"/bin/sh", "-c", "echo $$ > " + file.string() + "; exec sleep 20"},
                        Milliseconds{20'000}, never);
        ::_exit(0);
    }
    pid_t command = 0;
    ASSERT_TRUE(test::eventually([&] { return bool(std::ifstream{file} >> command); }));
    ::kill(starter, SIGKILL);
    ASSERT_EQ(::waitpid(starter, nullptr, 0), starter);
    int status = 0;
    ASSERT_TRUE(test::eventually([&] { return ::waitpid(command, &status, WNOHANG) == command; }));
    EXPECT_TRUE(WIFSIGNALED(status));
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace vigil::node
