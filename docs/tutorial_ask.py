# %% [markdown]
# # Ask about a table in Python
#
# This is the tutorial for a notebook. Open it in an editor that shows the cells of a Python file, or convert
# it: `jupytext --to notebook tutorial_ask.py`. A test runs all of its cells.

# %%
import numpy as np
import pandas as pd

import fuelgauge

# %% [markdown]
# A table of customers: some cancel their contract.

# %%
rng = np.random.default_rng(0)
n = 2_000
customers = pd.DataFrame(
    {
        "age": rng.integers(18, 80, n),
        "visits": rng.poisson(4, n),
        "plan": rng.choice(["basic", "plus", "family"], n, p=[0.5, 0.3, 0.2]),
        "fee": [f"${value:,.2f}" for value in rng.gamma(2.0, 400.0, n)],
    }
)
score = (
    1.2
    - 0.5 * customers["visits"]
    + 0.03 * np.abs(customers["age"] - 45)
    - 0.8 * (customers["plan"] == "family")
)
customers["churned"] = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
customers.head()

# %% [markdown]
# Ask. A further label costs 0.40. Give it three minutes for a real table.

# %%
answer = fuelgauge.ask(customers, target="churned", minutes=0.9, label_price=0.40, name="customers")
print(answer.summary)

# %% [markdown]
# In a notebook, `answer` shows the head of its page. The whole page lies beside the notebook.

# %%
answer.to_html("customers.html")
answer.table[["loss", "low", "high", "gap", "p_now", "p_double"]]

# %% [markdown]
# What would twice the rows bring, with which model, and at what price?

# %%
answer.value_of_label()

# %% [markdown]
# The loss of each model at any number of rows, and the rows that an AUC needs. Beyond the rows of the table,
# these are forecasts with 90% intervals.

# %%
answer.at(rows=10_000)

# %%
answer.rows_for(roc_auc=0.80)

# %%
axes = answer.plot()

# %% [markdown]
# The best model was fitted on all rows. It takes rows with the columns of the table, money signs included.

# %%
answer.best_.predict(customers.drop(columns="churned").head())

# %% [markdown]
# The learning curve of an estimator of your own, with paired gains and a forecast:

# %%
from sklearn.linear_model import LogisticRegression

numbers = customers[["age", "visits"]]
curve = fuelgauge.learning_curve(LogisticRegression(), numbers, customers["churned"], scoring="roc_auc", cv=3)
curve.table

# %%
curve.forecast([4_000])
