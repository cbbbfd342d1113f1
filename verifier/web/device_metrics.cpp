#include "verifier/web/device_metrics.hpp"

#include <array>
#include <charconv>
#include <vector>

namespace vigil::verifier {
namespace {

constexpr std::size_t digits = 2 * DeviceId::size;
constexpr std::size_t usual_size = 1'000;  ///< of a device's lines

/// A label value between quotes, as the text format wants it.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out + "\"";
}

/// The baselines of the records' devices; both are ascending by id.
std::vector<std::uint64_t> baselines(const web::FleetRecords& records, const Roster& roster) {
    std::vector<std::uint64_t> out(records.devices.size());
    const auto known = roster.devices();
    auto at = known.begin();
    for (std::size_t i = 0; i < out.size(); ++i) {
        while (at != known.end() && (*at)->id < records.devices[i].id) ++at;
        if (at != known.end() && (*at)->id == records.devices[i].id) out[i] = (*at)->baseline;
    }
    return out;
}

class Text {
public:
    explicit Text(const web::FleetRecords& records) : records_{records} {
        ids_.reserve(records.devices.size() * digits);
        for (const web::FleetDevice& device : records.devices) append_hex(ids_, device.id);
        out_.reserve(records.devices.size() * usual_size);
    }

    void info(const char* name, const char* help) {
        head(name, help);
        std::vector<std::string> owners;
        owners.reserve(records_.nodes.size());
        for (const web::FleetNode& node : records_.nodes) {
            std::string& one = owners.emplace_back(",node=\"");
            append_hex(one, node.id);
            one.append("\",name=").append(quoted(node.name)).append(",region=");
            one.append(quoted(node.region)).append(",provider=\"").append(node.payout_text);
            one.append("\",model=");
        }
        std::vector<std::string> models;
        for (const std::string& model : records_.models) models.push_back(quoted(model) + "} 1\n");
        lines(name, [&](std::size_t i) {
            const web::FleetDevice& device = records_.devices[i];
            out_.append("\"").append(owners[device.node]).append(models[device.model]);
        });
    }

    /// `value`: position → an unsigned number.
    template <class Value>
    void numbers(const char* name, const char* help, Value value) {
        head(name, help);
        lines(name, [&](std::size_t i) {
            out_ += "\"} ";
            append_number(value(i));
            out_ += '\n';
        });
    }

    std::string take() { return std::move(out_); }

private:
    static void append_hex(std::string& out, const auto& id) {
        constexpr std::string_view hex = "0123456789abcdef";
        std::array<char, digits> text{};
        for (std::size_t i = 0; i < id.bytes.size(); ++i) {
            text[2 * i] = hex[id.bytes[i] >> 4];
            text[2 * i + 1] = hex[id.bytes[i] & 15];
        }
        out.append(text.data(), text.size());
    }
    void append_number(std::uint64_t number) {
        std::array<char, 20> text{};
        const auto end = std::to_chars(text.begin(), text.end(), number).ptr;
        out_.append(text.data(), static_cast<std::size_t>(end - text.data()));
    }
    void append_number(const Micro& amount) { out_ += to_string(amount); }

    void head(const char* name, const char* help) {
        out_.append("# HELP ").append(name).append(" ").append(help);
        out_.append("\n# TYPE ").append(name).append(" gauge\n");
    }
    template <class Rest>
    void lines(const char* name, Rest rest) {
        const std::string begin = std::string{name} + "{device=\"";
        for (std::size_t i = 0; i < records_.devices.size(); ++i) {
            out_.append(begin).append(ids_, i * digits, digits);
            rest(i);
        }
    }

    const web::FleetRecords& records_;
    std::string ids_;  ///< in hex, one after the other
    std::string out_;
};

}  // namespace

std::string device_metrics(const web::FleetRecords& records, const Roster& roster) {
    const std::vector<std::uint64_t> baseline = baselines(records, roster);
    const auto of_standing = [&](auto member) {
        return [&records, member](std::size_t i) { return records.devices[i].standing.*member; };
    };
    Text text{records};
    text.info("vigil_verifier_device_info", "Who a device belongs to; claimed, except the ids");
    text.numbers("vigil_verifier_device_baseline_hashes_per_second",
                 "Verified hash rate; 0 before a first calibration",
                 [&](std::size_t i) { return baseline[i]; });
    text.numbers("vigil_verifier_device_balance_micro", "Balance after the last settled day",
                 of_standing(&Standing::balance));
    text.numbers("vigil_verifier_device_service_run", "Days of service towards the next grace",
                 of_standing(&Standing::service_days));
    text.numbers("vigil_verifier_device_grace_left", "Grace days in hand",
                 of_standing(&Standing::grace_left));
    text.numbers("vigil_verifier_device_down_run", "Down days in a row",
                 of_standing(&Standing::down_run));
    return text.take();
}

}  // namespace vigil::verifier
