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
from glassbox.stage import Stage

# %%
stage = Stage.open("conclude", request, upstream, product)
findings = {name: stage.load(f"{name}.findings") for name in upstream}

# %% [markdown]
# ## The answer
# In one sentence, from what was found on the holdout.

# %%
answer = conclusion.answer(findings, stage.request)
stage.show("answer", answer)

# %% [markdown]
# ## What was asked, and what came out
# A requirement is met or not met when its whole interval lies on one side of the bound; otherwise the data does not decide.
# What was measured on the running service belongs to this machine and is judged beside the rest.

# %%
measured = conclusion.measured_estimates(stage.root / "data" / stage.request.name / "deploy")
stage.show(
    "verdicts",
    conclusion.verdict_table(conclusion.requirement_rows(findings, stage.request, measured)),
    measured=True,
)

# %% [markdown]
# ## Ways to fool oneself
# Eight of them, each with what this run shows about it.

# %%
audited = audit(findings, stage.request)
stage.show("audit", audited)

# %% [markdown]
# ## What to do next
# The most useful step first.

# %%
requirements = conclusion.requirement_rows(findings, stage.request)
next_steps = conclusion.next_steps(findings, stage.request, requirements, audited)
stage.show("next_steps", next_steps, report=True)

# %%
stage.save(conclusion=conclusion.conclusion(answer, requirements, audited, next_steps))

# %% [markdown]
# ## Limits of what was shown
# - The conclusion is as good as what the request asks for: a bound that was not written down was not judged.
# - A verdict speaks of data like the holdout. Monitoring says when data is no longer like it.
