#include "tests/load/comparison.hpp"

#include <fstream>
#include <stdexcept>
#include <unordered_map>

#include "core/work/proof.hpp"
#include "verifier/store/open_store.hpp"

namespace vigil::load {
namespace {

constexpr std::int64_t answers_at_once = 1'000;

std::unordered_map<AnswerId, Instant, FirstBytes> stored_answers(const std::string& path) {
    const auto store = verifier::open_store_at_for_reading(path);
    std::unordered_map<AnswerId, Instant, FirstBytes> all;
    for (int bucket = 0; bucket < 256; ++bucket) {
        std::vector<verifier::StoredAnswer> part;
        for (std::int64_t after = 0;; after = part.back().number) {
            store->read([&](verifier::Reader& reader) {
                part =
                    reader.answers_after(static_cast<std::uint8_t>(bucket), after, answers_at_once);
            });
            for (const auto& answer : part) all.emplace(answer.id, answer.received);
            if (std::ssize(part) < answers_at_once) break;
        }
    }
    return all;
}

}  // namespace

Comparison compare(const std::vector<KeptReceipt>& receipts, const std::filesystem::path& store,
                   const std::optional<Signer>& signer, std::size_t signature_every) {
    const auto stored = stored_answers(store.string());
    Comparison out;
    out.stored = stored.size();
    std::optional<VerifyingKey> key;
    if (signer) key.emplace(signer->key);
    for (const KeptReceipt& receipt : receipts) {
        const auto found = stored.find(receipt.answer);
        if (found == stored.end())
            ++out.missing;
        else if (found->second != receipt.received)
            ++out.other_time;
        if (key && out.compared % signature_every == 0) {
            ++out.signatures;
            const auto text = receipt_bytes(signer->network, receipt.answer, receipt.received);
            if (!key->verifies(text, receipt.signature)) ++out.wrong_signed;
        }
        ++out.compared;
    }
    return out;
}

void write_receipts(const std::filesystem::path& file, const Signer& signer,
                    const std::vector<KeptReceipt>& receipts) {
    std::ofstream out{file};
    out << to_hex(signer.network) << ' ' << to_hex(signer.key) << '\n';
    for (const KeptReceipt& receipt : receipts)
        out << to_hex(receipt.answer) << ' ' << to_ms(receipt.received) << ' '
            << to_hex(receipt.signature) << '\n';
    if (!out.flush()) throw std::runtime_error{"cannot write " + file.string()};
}

std::pair<Signer, std::vector<KeptReceipt>> read_receipts(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::string network, key, answer, signature;
    std::int64_t received{};
    in >> network >> key;
    const auto its_network = from_hex<NetworkId>(network);
    const auto its_key = from_hex<PublicKey>(key);
    if (!its_network || !its_key)
        throw std::runtime_error{file.string() + " is not a file of receipts"};
    std::vector<KeptReceipt> receipts;
    while (in >> answer >> received >> signature) {
        const auto id = from_hex<AnswerId>(answer);
        const auto signed_by = from_hex<Signature>(signature);
        if (!id || !signed_by)
            throw std::runtime_error{file.string() + ": receipt " +
                                     std::to_string(receipts.size() + 1) + " cannot be read"};
        receipts.push_back({*id, instant_from_ms(received), *signed_by});
    }
    return {{*its_network, *its_key}, std::move(receipts)};
}

}  // namespace vigil::load
