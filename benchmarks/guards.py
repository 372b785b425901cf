"""The guards against silent failures of training: where each stands, and which tests must miss it.

Each entry names the source that a guard consists of, and what the source would be without it. `benchmarks.mutants`
makes that change in a copy and expects the tests to fail; source that is no longer found is an error there.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT, TRAIN = "tests/training/test_text.py", "tests/training/test_train.py"
LOSS, ATTENTION, PACK = (f"tests/training/test_{name}.py" for name in ("loss", "attention", "pack"))
GUARDS_FILE, MERGE = "tests/training/test_guards.py", "tests/training/test_merge.py"
ARTEFACTS, RANKS = "tests/training/test_artefacts.py", "tests/training/test_distributed.py"


@dataclass(frozen=True)
class Guard:
    """One guard: `old` is its source in `file`, `new` what stands there without it."""

    number: int
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAILURES = {
    1: "the assistant mask is empty or all ones",
    2: "an option silently drops the mask",
    3: "truncation leaves no label: NaN, or loss 0.0",
    4: "the stop token is masked because it also pads",
    5: "two tokens begin a text; the template differs between training and serving",
    6: "the template rewrites earlier turns",
    7: "packed rows see each other",
    8: "recurrent state leaks from row to row",
    9: "packing drops or splits text",
    10: "the gradient depends on how the step is divided",
    11: "the evaluation loss depends on batch size or on the number of processes",
    12: "a resumed run replays or skips rows",
    13: "the state of early stopping is lost on resume",
    14: "the rate depends on the number of batches or processes",
    15: "adapters get no gradient when layers are recomputed",
    16: "merged weights are not what was tuned",
    17: "new tokens are not saved",
    18: "evaluation runs out of memory from kept logits",
    19: "a kernel of the trainer's own has a wrong gradient",
    20: "resume of sharded adapters",
}

GUARDS = (
    Guard(
        1,
        "an answer that the template does not show is refused",
        "training/text.py",
        'if messages[turn]["content"].strip() not in text:',
        "if False:",
        (f"{TEXT}::test_a_template_that_changes_the_answer_is_noticed",),
    ),
    Guard(
        1,
        "only what follows the prompt is learned",
        "training/text.py",
        "layout += [(answer.prompt[len(text) :], False), (answer.text, True)]",
        "layout += [(answer.prompt[len(text) :], True), (answer.text, True)]",
        (f"{TEXT}::test_labels_are_the_answers_with_their_stop_token",),
    ),
    Guard(
        2,
        "the loss is taken at the targets of a batch and nowhere else",
        "training/loss.py",
        "place = (batch.targets != IGNORED).nonzero()[:, 0]",
        "place = (batch.targets != 7).nonzero()[:, 0]",
        (f"{GUARDS_FILE}::test_r02_every_backend_learns_the_same_labels",),
    ),
    Guard(
        2,
        "packing carries the mask of each row",
        "training/pack.py",
        "np.where(is_label[1:], ids[1:], IGNORED)",
        "ids[1:]",
        (f"{GUARDS_FILE}::test_r02_every_backend_learns_the_same_labels",),
    ),
    Guard(
        3,
        "too many rows without a label stop the run",
        "training/text.py",
        "if len(rendered.skipped) <= MAX_SKIPPED * rows and rendered.examples:",
        "if rendered.examples:",
        (f"{TEXT}::test_rows_without_a_label_are_listed_and_too_many_refused",),
    ),
    Guard(
        3,
        "a row whose answer was cut off is skipped and listed",
        "training/text.py",
        "kept = [(ids, labels) for ids, labels in kept if labels.any()]",
        "kept = [(ids, labels) for ids, labels in kept]",
        (f"{TEXT}::test_rows_without_a_label_are_listed_and_too_many_refused",),
    ),
    Guard(
        4,
        "the stop token belongs to the answer",
        "training/text.py",
        "return Answer(prompt, text[: stop.end(1)])",
        "return Answer(prompt, text[: stop.start(1)])",
        (f"{TEXT}::test_the_stop_token_is_learned_though_it_also_pads",),
    ),
    Guard(
        5,
        "the tokenizer adds nothing to what the template wrote",
        "training/text.py",
        "add_special_tokens=False,",
        "add_special_tokens=True,",
        (f"{TEXT}::test_a_text_begins_once_though_tokenizer_and_template_both_begin_it",),
    ),
    Guard(
        5,
        "prompts are rendered with the turn that serving opens",
        "training/text.py",
        "prompt = self.text(messages[:turn], tools, prompt=True)",
        "prompt = self.text(messages[:turn], tools, prompt=False)",
        (f"{TEXT}::test_what_precedes_an_answer_is_what_serving_feeds",),
    ),
    Guard(
        5,
        "a run belongs to its template",
        "training/job.py",
        '        "template": renderer.template_digest,\n',
        "",
        (f"{TRAIN}::test_a_changed_base_is_named_and_not_resumed",),
    ),
    Guard(
        6,
        "turns are joined only where the template leaves earlier ones as they were",
        "training/text.py",
        "if all(b.prompt.startswith(a.prompt + a.text) for a, b in pairwise(answers)):",
        "if True:",
        (f"{TEXT}::test_a_template_that_rewrites_history_gives_one_example_per_answer",),
    ),
    Guard(
        7,
        "attention ends with each row",
        "training/attention.py",
        "    lengths = cu_seq_lens_q.diff().tolist()\n",
        "    lengths = [query.shape[2]]\n",
        (f"{ATTENTION}::test_no_row_moves_another", f"{ATTENTION}::test_packed_rows_score_as_separate_rows"),
    ),
    Guard(
        7,
        "attention that is written out ends with each row",
        "training/attention.py",
        "lengths = [query.shape[2]] if cu_seq_lens_q is None else cu_seq_lens_q.diff().tolist()",
        "lengths = [query.shape[2]]",
        (f"{ATTENTION}::test_packed_rows_score_as_separate_rows",),
    ),
    Guard(
        7,
        "positions begin anew with each row",
        "training/pack.py",
        "np.arange(len(ids)) - np.repeat(ends - lengths, lengths)",
        "np.arange(len(ids))",
        (f"{PACK}::test_no_token_is_lost_split_or_repeated",),
    ),
    Guard(
        8,
        "a family is packed only if packed rows compute what separate ones do",
        "training/model.py",
        "_apart(model, reference) <= allowed:",
        "_apart(model, reference) < 1e9:",
        (f"{ATTENTION}::test_what_would_leak_runs_unpacked_and_right",),
    ),
    Guard(
        8,
        "what cannot be packed is read a row at a time",
        "training/loss.py",
        "if causal.config._attn_implementation != attention.NAME and len(batch.examples) > 1:",
        "if False:",
        (f"{ATTENTION}::test_what_would_leak_runs_unpacked_and_right",),
    ),
    Guard(
        9,
        "a row longer than a pack gets one to itself",
        "training/pack.py",
        "return [collate([examples[i] for i in chosen]) for chosen in bins(lengths, pack_tokens)]",
        "return [collate([examples[i] for i in chosen]) for chosen in bins(lengths, pack_tokens)"
        " if sum(lengths[i] for i in chosen) <= pack_tokens]",
        (f"{PACK}::test_no_token_is_lost_split_or_repeated",),
    ),
    Guard(
        10,
        "every micro batch is divided by the labels of the whole step",
        "training/loop.py",
        "(total / labels).backward()",
        "(total / batch.label_count).backward()",
        (f"{TRAIN}::test_a_step_is_the_same_however_its_tokens_are_packed",),
    ),
    Guard(
        11,
        "losses are summed row by row, not averaged over batches",
        "training/loss.py",
        "sums[rows, 0] = np.bincount(of, losses.nll.double().cpu().numpy(), count)",
        "sums[rows, 0] = np.bincount(of, minlength=count) * float(losses.nll.mean())",
        (f"{LOSS}::test_scores_do_not_depend_on_the_batch",),
    ),
    Guard(
        10,
        "gradients of several processes are summed, not averaged",
        "training/distributed.py",
        "        sharded.set_gradient_divide_factor(1.0)\n",
        "",
        (f"{RANKS}::test_gradients_are_those_of_one_process",),
    ),
    Guard(
        10,
        "what every process holds whole has the gradients of all",
        "training/distributed.py",
        "            dist.all_reduce(parameter.grad)\n",
        "",
        (f"{RANKS}::test_gradients_are_those_of_one_process",),
    ),
    Guard(
        11,
        "processes add up what each has measured",
        "training/loss.py",
        "    sums = distributed.add(sums) if shared else sums\n",
        "",
        (f"{RANKS}::test_steps_and_evaluations_are_those_of_one_process",),
    ),
    Guard(
        12,
        "the sampler goes on where the checkpoint was taken",
        "training/snapshot.py",
        'loop.sampler.load_state_dict(saved.state["sampler"])',
        "pass",
        (f"{TRAIN}::test_a_run_cut_at_any_step_ends_with_the_same_bits",),
    ),
    Guard(
        12,
        "the optimizer keeps its moments",
        "training/snapshot.py",
        '    _load_optimizer(loop.optimizer, saved.tensors["optimizer"])\n',
        "",
        (f"{TRAIN}::test_a_run_cut_at_any_step_ends_with_the_same_bits",),
    ),
    Guard(
        12,
        "dropout goes on where it was",
        "training/snapshot.py",
        '    _set_generators(saved.tensors["generators"])\n',
        "",
        (f"{TRAIN}::test_a_run_cut_at_any_step_ends_with_the_same_bits",),
    ),
    Guard(
        12,
        "a checkpoint knows what it belongs to",
        "training/checkpoint.py",
        "        if changed:\n",
        "        if False:\n",
        (f"{TRAIN}::test_a_changed_base_is_named_and_not_resumed",),
    ),
    Guard(
        13,
        "the monitors keep what they have seen",
        "training/snapshot.py",
        'loop.learning.load_state_dict(join_state(saved.state["learning"], saved.tensors["learning"]))',
        "pass",
        (f"{TRAIN}::test_an_interrupted_run_stops_early_where_the_whole_one_does",),
    ),
    Guard(
        14,
        "the rate is a function of the step",
        "training/loop.py",
        "rate = self.rate(self.step)",
        "rate = self.rate(self.step) * len(batches)",
        (f"{TRAIN}::test_a_step_is_the_same_however_its_tokens_are_packed",),
    ),
    Guard(
        15,
        "layers are recomputed without re-entrance",
        "training/recompute.py",
        '{"use_reentrant": False}',
        '{"use_reentrant": True}',
        (f"{GUARDS_FILE}::test_r15_adapters_learn_under_activation_checkpointing",),
    ),
    Guard(
        16,
        "merged weights are kept only if the files compute the same",
        "training/merge.py",
        "    if kl <= MAX_KL:\n",
        "    if True:\n",
        (f"{MERGE}::test_a_small_update_is_lost_in_bfloat16_and_the_files_are_not_kept",),
    ),
    Guard(
        17,
        "a fresh process must compute what the model in memory does",
        "training/fresh.py",
        "    if not kl <= MAX_APART:\n",
        "    if False:\n",
        (f"{ARTEFACTS}::test_a_token_or_a_row_that_was_not_saved_is_found",),
    ),
    Guard(
        17,
        "the saved tokenizer must make the same tokens",
        "training/fresh.py",
        '    if said["ids"] != rows:\n',
        "    if False:\n",
        (f"{ARTEFACTS}::test_a_token_or_a_row_that_was_not_saved_is_found",),
    ),
    Guard(
        18,
        "evaluation takes a pack at a time",
        "training/loss.py",
        "packs = bins([len(example.input_ids) for example in examples], pack_tokens)",
        "packs = [list(range(len(examples)))]",
        (f"{GUARDS_FILE}::test_r18_evaluation_takes_no_more_memory_than_training",),
    ),
    Guard(
        18,
        "logits exist a chunk at a time",
        "training/loss.py",
        "for h, y in zip(hidden.split(chunk), labels.split(chunk))",
        "for h, y in zip(hidden.split(len(hidden)), labels.split(len(hidden)))",
        (f"{GUARDS_FILE}::test_r18_evaluation_takes_no_more_memory_than_training",),
    ),
    Guard(
        19,
        "the logit hidden for the margin is put back",
        "training/loss.py",
        "        logits.scatter_(1, labels[:, None], own)\n",
        "",
        (f"{GUARDS_FILE}::test_r19_the_loss_has_the_gradient_of_plain_cross_entropy",),
    ),
    Guard(
        19,
        "the adapter is scaled as its formula says",
        "training/lora.py",
        "narrow = F.linear(rows, down) * layer.scaling[ADAPTER]",
        "narrow = F.linear(rows, down) * layer.scaling[ADAPTER] ** 0.5",
        (f"{GUARDS_FILE}::test_r19_the_adapter_has_the_gradient_of_its_formula",),
    ),
    Guard(
        20,
        "sharded adapters go on with the weights of the checkpoint",
        "training/snapshot.py",
        '    loop.restore(saved.tensors["weights"])\n',
        "",
        (f"{RANKS}::test_a_sharded_run_goes_on_where_it_was_cut",),
    ),
    Guard(
        20,
        "sharded adapters go on with the moments of the checkpoint",
        "training/snapshot.py",
        '    _load_optimizer(loop.optimizer, saved.tensors["optimizer"])\n',
        "",
        (f"{RANKS}::test_a_sharded_run_goes_on_where_it_was_cut",),
    ),
    Guard(
        20,
        "a checkpoint holds whole tensors, not the part of one process",
        "training/distributed.py",
        "values = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor",
        "values = tensor.to_local() if isinstance(tensor, DTensor) else tensor",
        (f"{RANKS}::test_a_sharded_run_goes_on_where_it_was_cut",),
    ),
    Guard(
        20,
        "every process keeps a generator of its own",
        "training/snapshot.py",
        "enumerate(distributed.exchanged(own))",
        "enumerate([own])",
        (f"{RANKS}::test_a_sharded_run_goes_on_where_it_was_cut",),
    ),
)
