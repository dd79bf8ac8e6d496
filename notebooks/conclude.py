# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Conclude
# What should be decided?

# %% tags=["parameters"]
upstream = {
    "ingest": ["findings"],
    "explore": ["findings"],
    "features": ["findings"],
    "compare": ["findings"],
    "tune": ["findings"],
    "evaluate": ["findings"],
    "deploy": ["findings"],
    "monitor": ["findings"],
}
product = None
request = "churn"

# %%
from glassbox.reports import conclusion
from glassbox.reports.audit import audit
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("conclude", request, upstream, product)
findings = {name: stage.load(f"{name}.findings") for name in upstream}

# %% [markdown]
# ## The answer
# Put together from what the stages found. Write your own sentence here, and the report takes that.

# %%
answer = conclusion.answer(findings, stage.request)
stage.show("answer", answer, report=True)

# %% [markdown]
# ## What was asked
# A requirement is met when its whole interval keeps the bound, not met when none of it does, and not proven otherwise.
# Latency is that of the machine on which the service was rehearsed.

# %%
latency = conclusion.measured_estimates(stage.root / "data" / stage.request.name / "deploy")
requirements = conclusion.requirement_rows(findings, stage.request, latency)
stage.show("verdicts", conclusion.verdict_table(requirements), report=True, measured=True)

# %% [markdown]
# ## Ways to fool oneself
# Each is checked against what the stages showed, and the evidence leads to its cell. Where a check was not made, it asks for
# a look: nothing is taken to be fine because nobody looked.

# %%
audited = audit(findings, stage.request)
stage.show("audit", audited, report=True)

# %% [markdown]
# ## What to do next
# The first is what stands between this model and a decision.

# %%
steps = conclusion.next_steps(findings, stage.request, requirements, audited)
stage.show("next_steps", steps, report=True)

# %%
stage.save(conclusion=conclusion.conclusion(answer, requirements, audited, steps))

# %% [markdown]
# ## Limits of what was shown
# - The sentences say what the figures say. Whether acting on them pays is for someone who knows what a call costs and what a
#   customer is worth.
# - The audit knows the patterns that it lists. It does not know whether the right question was asked.
