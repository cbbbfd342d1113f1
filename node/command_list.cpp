#include "node/command_list.hpp"

namespace vigil::node {
namespace {

const std::vector<std::string> device_settings{"backends", "cpu."};
const std::vector<std::string> local_settings{"http."};
const std::vector<std::string> link_settings{"verifier.", "data_dir", "backends", "http."};
const std::vector<std::string> doctor_settings{
    "verifier.", "payout", "data_dir",         "backends",        "cpu.",
    "duty",      "temp_",  "keep_free_memory", "yield_to_others", "http."};

}  // namespace

const std::vector<Command>& command_list() {
    static const std::vector<Command> commands{
        {"run",
         "Answer the verifier's checks with every device of this machine",
         "Examples:\n"
         "  vigil-node run --verifier vigil.example.org:9464 --payout "
         "0x52908400098527886E0F7030069857D2E4169EE7\n"
         "  vigil-node run --config /etc/vigil/node.toml --duty 80\n",
         {""}},
        {"list-devices", "Show the devices that would work, and why others would not",
         "Examples:\n  vigil-node list-devices\n  vigil-node list-devices --backends opencl -o "
         "json\n",
         device_settings},
        {"bench", "Measure every kernel of every device, after checking its results",
         "Examples:\n  vigil-node bench --device cuda0 --kernel interleaved\n"
         "  vigil-node bench --seconds 30 -o json > bench.json\n",
         device_settings},
        {"doctor", "Look at everything a check needs, and say what to do; changes nothing",
         "Hashes for a second on every device, which a running node's work may notice.\nExamples:\n"
         "  vigil-node doctor --config /etc/vigil/node.toml\n"
         "  vigil-node doctor --verifier vigil.example.org:9464 --ca tls.crt --json\n",
         doctor_settings},
        {"bundle", "Write what whoever helps needs into one file, without secrets",
         "Versions, settings, doctor, status, metrics and the last log lines; hashes for a second "
         "on every device.\nExamples:\n  vigil-node bundle\n"
         "  vigil-node bundle --config /etc/vigil/node.toml --output help.tar\n",
         doctor_settings},
        {"status", "Ask the running node how it is doing",
         "Examples:\n  vigil-node status\n  vigil-node status -o json --http-port 9465\n",
         local_settings},
        {"healthcheck", "Exit 0 when the running node is healthy",
         "Examples:\n  vigil-node healthcheck\n  HEALTHCHECK CMD [\"vigil-node\", "
         "\"healthcheck\"]\n",
         local_settings},
        {"config",
         "Print every effective setting with its source",
         "Examples:\n  vigil-node config\n  VIGIL_DUTY=50 vigil-node config --config node.toml\n",
         {""}},
        {"check-config",
         "Check the configuration without starting",
         "Examples:\n  vigil-node check-config\n  vigil-node check-config --config node.toml\n",
         {""}},
        {"keygen",
         "Make the node's key, if there is none, and print the node id",
         "Examples:\n  vigil-node keygen\n  vigil-node keygen --data-dir /srv/vigil\n",
         {"data_dir"}},
        {"notify test",
         "Send a test notice by each channel of [[notify]]; says what came back",
         "One attempt each; a ping is one that says that all is well. Exit 1 when one failed.\n"
         "Example:\n  vigil-node notify test --config /etc/vigil/node.toml --channel ops\n",
         {"name"}},
        {"retire", "Retire a device at the end of tomorrow; its balance stays",
         "Examples:\n  vigil-node retire --device cuda1 --verifier vigil.example.org:9464\n"
         "  vigil-node retire --device GPU-5f1c… --config /etc/vigil/node.toml\n"
         "  vigil-node retire --undo --device GPU-5f1c…\n",
         link_settings},
        {"payout",
         "Show the payout address, or change it in the settings file",
         "The node enrols with a new address at its next start; its key, devices and balance "
         "stay.\n"
         "Examples:\n  vigil-node payout\n  vigil-node payout "
         "0x52908400098527886E0F7030069857D2E4169EE7 --config /etc/vigil/node.toml\n",
         {"payout"}},
        {"rehearse",
         "Play a dishonest owner, for demonstrations and operators' drills",
         "lazy works for roll calls only; replayer sends another node's answers as its "
         "own.\nExamples:\n"
         "  vigil-node rehearse --as lazy --verifier 127.0.0.1:9464 --payout 0x… --data-dir "
         "/tmp/lazy\n"
         "  vigil-node rehearse --as replayer --steal-from honest.answers --config drill.toml\n",
         {""}},
    };
    return commands;
}

}  // namespace vigil::node
