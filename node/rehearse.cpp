#include "node/rehearse.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <spdlog/spdlog.h>

#include "node/console_lines.hpp"
#include "node/journal.hpp"
#include "node/timing.hpp"

namespace vigil::node {

ProofSource lazy_source() {
    return [](const DeviceCheck& check, const HonestProof& honest) -> std::optional<Proof> {
        const CheckKind kind = check.check.kind;
        if (kind == CheckKind::roll_call || kind == CheckKind::calibration) return honest();
        Proof proof{check.device, check.challenge, {}, 0};
        const std::uint64_t first = random_u64() >> 1;
        for (std::uint32_t i = 0; i < check.check.k; ++i) proof.nonces.push_back(first + i);
        proof.hashes_tried = check.check.k;
        spdlog::info("lazy: answering {} with {} nonces that were never hashed", a_check(kind),
                     check.check.k);
        return proof;
    };
}

ProofSource replayer_source(std::filesystem::path stolen,
                            std::function<void(const Answer&, const DeviceCheck&)> post) {
    struct Own {
        std::mutex mutex;
        std::map<DeviceId, Proof> last;  // guarded by mutex
    };
    auto own = std::make_shared<Own>();
    return [stolen = std::move(stolen), post = std::move(post), own](
               const DeviceCheck& check, const HonestProof& honest) -> std::optional<Proof> {
        if (check.check.kind == CheckKind::calibration) {
            auto proof = honest();
            const std::lock_guard lock{own->mutex};
            if (proof) own->last.insert_or_assign(check.device, *proof);
            return proof;
        }
        if (auto proofs = last_answer(stolen); proofs.empty())
            spdlog::info("replayer: nothing to steal in {} yet", stolen.string());
        else {
            spdlog::info("replayer: answering {} with {} proof(s) of another node",
                         a_check(check.check.kind), proofs.size());
            post(Answer{std::move(proofs)}, check);
        }
        const std::lock_guard lock{own->mutex};
        if (const auto last = own->last.find(check.device); last != own->last.end()) {
            spdlog::info("replayer: and with its own earlier answer");
            post(Answer{{last->second}}, check);
        }
        return std::nullopt;
    };
}

}  // namespace vigil::node
