#include "verifier/committer.hpp"

#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds retry_after_failure{1'000};

}  // namespace

Committer::Committer(Store& store, Roster& roster, const NetworkId& network, SigningKey receipt_key,
                     const AnswersOptions& options, const AnswerObserver& observer)
    : store_{store},
      roster_{roster},
      network_{network},
      receipt_key_{std::move(receipt_key)},
      batch_limit_{options.batch_limit},
      observer_{observer},
      queue_{options.queue_limit},
      thread_{[this] { run(); }} {}

Committer::~Committer() {
    ending_ = true;
    queue_.close();
    thread_.join();
}

void Committer::put(Work work) { queue_.put(std::move(work)); }

void Committer::run() {
    for (auto batch = queue_.take_some(batch_limit_); !batch.empty();
         batch = queue_.take_some(batch_limit_)) {
        if (ending_ && failed_)
            refuse(batch);
        else
            commit(batch);
    }
}

/// Whatever it was, nobody is left without a reply, and nobody is told that it was kept.
void Committer::refuse(const std::vector<Work>& batch) const {
    for (const Work& work : batch) {
        if (observer_.refused) observer_.refused(RefusalReason::unavailable);
        work.reply({Refusal{RefusalReason::unavailable,
                            "the verifier could not record the answer; nothing was decided",
                            work.answer.record.id, retry_after_failure},
                    {}});
    }
}

std::variant<Receipt, Refusal> Committer::outcome_of(const AnswerFate& fate,
                                                     const AnswerId& offered) const {
    switch (fate.kind) {
        case AnswerFate::Kind::recorded:
        case AnswerFate::Kind::repeated:
            return Receipt{fate.id, fate.received,
                           receipt_key_.sign(receipt_bytes(network_, fate.id, fate.received))};
        case AnswerFate::Kind::closed:
            return Refusal{
                RefusalReason::check_closed,
                "the window that this answer belongs to is closed: it was decided without it",
                offered,
                {}};
        case AnswerFate::Kind::contradicted:
            return Refusal{RefusalReason::check_closed,
                           "some of these checks were answered before: answer each of them alone",
                           offered,
                           {}};
    }
    require(false, "a fate out of its enumeration");
    return {};
}

void Committer::commit(std::vector<Work>& batch) {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<AnswerFate> fates;
    try {
        std::vector<const AnswerRecord*> answers;
        for (const Work& work : batch) answers.push_back(&work.answer.record);
        fates = store_.record(answers);
    } catch (const std::exception&) {
        failed_ = true;
        refuse(batch);
        return;
    }
    failed_ = false;
    if (observer_.committed) observer_.committed(std::chrono::steady_clock::now() - begun);

    // Before the replies: once everybody has one, a window may close, and the next one is judged by
    // these.
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (fates[i].kind != AnswerFate::Kind::recorded) continue;
        const JudgedAnswer& answer = batch[i].answer;
        for (const VerdictRecord& verdict : answer.record.verdicts)
            if (verdict.claim.kind == CheckKind::calibration &&
                verdict.judgement.verdict == Verdict::passed)
                roster_.set_calibrated(answer.device_of(verdict).id,
                                       {answer.record.received, verdict.judgement.rate});
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const JudgedAnswer& answer = batch[i].answer;
        AnswerReply reply{outcome_of(fates[i], answer.record.id), {}};
        if (const auto* refusal = std::get_if<Refusal>(&reply.outcome);
            refusal && observer_.refused)
            observer_.refused(refusal->reason);
        if (fates[i].kind == AnswerFate::Kind::recorded) {
            for (const VerdictRecord& verdict : answer.record.verdicts) {
                reply.verdicts.push_back(told(answer.device_of(verdict).id, verdict));
                if (observer_.judged) observer_.judged(verdict);
            }
        }
        batch[i].reply(std::move(reply));
    }
}

}  // namespace vigil::verifier
