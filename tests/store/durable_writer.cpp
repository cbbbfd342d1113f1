// Writes answers into the store named by argv[1] until it is killed, telling the number of each one
// on standard output once write() has returned. With "stop" in argv[2] it writes one, and stops
// itself (SIGSTOP) in the middle of that transaction. Exits with 3 when the store is refused.
#include <csignal>
#include <cstdio>
#include <unistd.h>

#include "tests/store/samples.hpp"
#include "verifier/store/open_store.hpp"

namespace {

using namespace vigil::verifier;

bool tell(std::uint64_t n) { return ::write(STDOUT_FILENO, &n, sizeof n) == sizeof n; }

/// What became of the answer is told as a number: how often its transaction was begun.
int stop_in_a_transaction(Store& store, const samples::Enrolled& enrolled) {
    std::uint64_t attempts = 0;
    store.write([&](Transaction& tx) {
        tx.record(samples::answer(enrolled.node.ref, {samples::hourly(enrolled.first(), 1)}, 1));
        if (++attempts == 1) ::raise(SIGSTOP);
    });
    return tell(attempts) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2 || argc > 3) return 2;
    const auto store = open_store_at(argv[1]);
    const auto enrolled = samples::enrol(*store, 9, 1);
    if (argc == 3) return stop_in_a_transaction(*store, enrolled);
    auto n = static_cast<std::uint64_t>(
        samples::read(*store, [](Reader& r) { return r.answer_count(); }));
    for (;;) {
        ++n;
        samples::record(
            *store, samples::answer(enrolled.node.ref, {samples::hourly(enrolled.first(), n)}, n));
        if (!tell(n)) return 1;
    }
} catch (const StoreFailed& failed) {
    std::fprintf(stderr, "%s\n", failed.what());
    return 3;
}
