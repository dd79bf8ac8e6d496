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
# # Conclusion
# Does the model meet its requirements, and what should be done next?

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
# ## Summary
# The summary is generated from the findings of the other stages. You can replace it with your own text for the report.

# %%
answer = conclusion.answer(findings, stage.request)
stage.show("answer", answer, report=True)

# %% [markdown]
# ## Requirements
# A requirement is met if the whole confidence interval satisfies the bound, not met if no part of it does, and not proven otherwise.
# Latency is measured on the machine that ran the smoke test.

# %%
latency = conclusion.measured_estimates(stage.root / "data" / stage.request.name / "deploy")
requirements = conclusion.requirement_rows(findings, stage.request, latency)
stage.show("verdicts", conclusion.verdict_table(requirements), report=True, measured=True)

# %% [markdown]
# ## Anti-pattern audit
# Each anti-pattern is checked against the evidence of the stages, with a link to the cell. Without evidence, the verdict is to review
# the pattern.

# %%
audited = audit(findings, stage.request)
stage.show("audit", audited, report=True)

# %% [markdown]
# ## Next steps
# The steps are in order of priority.

# %%
steps = conclusion.next_steps(findings, stage.request, requirements, audited)
stage.show("next_steps", steps, report=True)

# %%
stage.save(conclusion=conclusion.conclusion(answer, requirements, audited, steps))

# %% [markdown]
# ## Limits
# - The conclusion summarises the results of the stages. Whether it is worthwhile to act on them depends on costs and benefits that the
#   data does not contain.
# - The audit covers the listed anti-patterns only, not whether the problem statement is appropriate.
