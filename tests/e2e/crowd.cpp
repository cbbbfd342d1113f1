// Many small nodes against one verifier of network "lab", until SIGTERM; then one line of JSON with
// what happened. Every receipt is in the file before it counts.
#include <CLI/CLI.hpp>
#include <absl/synchronization/mutex.h>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/crowd_node.hpp"

int main(int argc, char** argv) {
    using namespace vigil::e2e;
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);

    CrowdOptions options;
    std::string ca, receipts;
    std::uint64_t nodes = 10, seed = 1;
    CLI::App app{"A crowd of small nodes, for tests"};
    app.add_option("--address", options.address)->required();
    app.add_option("--ca", ca)->required();
    app.add_option("--receipts", receipts)->required();
    app.add_option("--nodes", nodes);
    app.add_option("--devices", options.devices);
    app.add_option("--hashes", options.hashes);
    app.add_option("--delay-ms", options.delay_ms);
    app.add_option("--seed", seed);
    CLI11_PARSE(app, argc, argv);
    std::ostringstream pem;
    pem << std::ifstream{ca}.rdbuf();
    options.ca_pem = pem.str();

    ReceiptsFile file{receipts};
    CrowdCounts counts;
    std::vector<std::unique_ptr<CrowdNode>> crowd;
    for (std::uint64_t i = 0; i < nodes; ++i)
        crowd.push_back(std::make_unique<CrowdNode>(options, seed * 1'000'000 + i, file, counts));
    int signal{};
    sigwait(&stop, &signal);
    crowd.clear();

    const nlohmann::ordered_json all{
        {"sent", counts.sent.load()},         {"receipts", counts.receipts.load()},
        {"repeated", counts.repeated.load()}, {"sessions", counts.sessions.load()},
        {"expired", counts.expired.load()},   {"wrong_receipts", counts.wrong_receipts.load()},
        {"refusals", counts.refusals}};
    std::cout << all.dump() << std::endl;
}
