#include "verifier/demo/cast.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>

namespace vigil::verifier::demo {
namespace {

/// Nobody owns these addresses' money here; each player is a provider of its own.
constexpr std::string_view payout_start = "0x00000000000000000000000000000000000000";

/// What the small players may take of their core, percent: little enough that the honest device
/// beside one keeps over 70 % of its rate, enough that a check of 300 ms is several slices of work.
constexpr int small_duty = 20;

std::vector<int> processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> found;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
    return found.empty() ? std::vector<int>{0} : found;
}

struct Kinds {
    bool opencl{}, cuda{};
    bool opencl_is_processor{};
};

/// Asks vigil-node itself; without an answer the demo goes on with the CPU.
Kinds device_kinds(const std::filesystem::path& node_program) {
    using namespace std::chrono_literals;
    const std::string text = output_of(
        node_program, {"list-devices", "--backends", "cuda,opencl,cpu", "-o", "json"}, 30s);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    Kinds kinds;
    if (!json.is_object() || !json.contains("devices")) return kinds;
    for (const auto& device : json["devices"]) {
        const std::string backend = device.value("backend", "");
        kinds.cuda |= backend == "cuda";
        kinds.opencl |= backend == "opencl";
        kinds.opencl_is_processor |= backend == "opencl" && device.value("is_processor", true);
    }
    return kinds;
}

class Casting {
public:
    Casting(const Stage& stage, const PlayOptions& options) : stage_{stage}, options_{options} {}

    void add(const std::string& name, Part part, const std::string& what,
             std::vector<std::string> words) {
        const std::filesystem::path directory = options_.directory / name;
        std::filesystem::create_directory(directory);
        std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
        for (const std::string& word :
             {std::string{"--verifier-address"}, stage_.address, std::string{"--verifier-ca"},
              stage_.certificate.string(), std::string{"--data-dir"}, directory.string(),
              std::string{"--name"}, name, std::string{"--region"},
              std::string{players_.size() % 2 == 0 ? "eu-west" : "us-east"},
              std::string{"--payout"}, fmt::format("{}{:02x}", payout_start, players_.size() + 1),
              std::string{"--http-port"}, std::string{"0"}})
            words.push_back(word);
        players_.push_back(
            {.actor = {.name = name, .part = part},
             .what = what,
             .process = std::make_unique<NodeProcess>(options_.node_program, std::move(words),
                                                      options_.directory / (name + ".log"))});
    }

    std::vector<Player> players() && { return std::move(players_); }

private:
    const Stage& stage_;
    const PlayOptions& options_;
    std::vector<Player> players_;
};

}  // namespace

std::vector<Player> cast(const Stage& stage, const PlayOptions& options) {
    const Kinds kinds = device_kinds(options.node_program);
    const std::vector<int> cores = processors();
    const std::string first = std::to_string(cores.front());
    const std::string last = std::to_string(cores.back());
    const std::filesystem::path stolen = options.directory / "cpu.answers";
    const std::string duty = std::to_string(small_duty);

    Casting casting{stage, options};
    casting.add("cpu", Part::honest, fmt::format("honest, on processor {}", first),
                {"run", "--backends", "cpu", "--cpu-affinity", first, "--cpu-threads", "1",
                 "--answers-log", stolen.string()});
    // An NVIDIA card shows up under OpenCL as well; two players on it would halve each other.
    if (kinds.opencl && !kinds.cuda)
        casting.add(
            "opencl", Part::honest,
            kinds.opencl_is_processor ? fmt::format("honest, OpenCL on processor {}", last)
                                      : "honest, OpenCL",
            kinds.opencl_is_processor
                ? std::vector<std::string>{"run", "--backends", "opencl", "--cpu-affinity", last}
                : std::vector<std::string>{"run", "--backends", "opencl"});
    if (kinds.cuda)
        casting.add("cuda", Part::honest, "honest, CUDA", {"run", "--backends", "cuda"});
    const auto small_on = [&duty](const std::string& core, std::vector<std::string> words) {
        for (const std::string& word : std::vector<std::string>{
                 "--backends", "cpu", "--cpu-affinity", core, "--cpu-threads", "1", "--duty", duty})
            words.push_back(word);
        return words;
    };
    casting.add("flaky", Part::flaky, "honest, but its power fails on the second day",
                small_on(first, {"run"}));
    casting.add("lazy", Part::lazy,
                "works for roll calls only; sends any nonces to the other checks",
                small_on(last, {"rehearse", "--as", "lazy"}));
    casting.add("replayer", Part::replayer, "sends the honest node's answers as its own",
                small_on(last, {"rehearse", "--as", "replayer", "--steal-from", stolen.string()}));
    return std::move(casting).players();
}

}  // namespace vigil::verifier::demo
