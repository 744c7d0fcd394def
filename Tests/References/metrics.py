"""Writes metrics.json with scikit-learn 1.9.1 (python3 metrics.py): what MetricsTests compare with."""
import json
import os

import numpy as np
from sklearn import metrics as m

random = np.random.default_rng(20)
cases = []
for name, rows, classes in (("two", 57, 2), ("four", 200, 4), ("rare", 40, 6)):
    labels = random.integers(0, classes, rows)
    if name == "rare":
        labels[labels == 5] = 0  # a class that never occurs, and is never predicted
    # Rounded, so that there are ties.
    scores = np.round(random.random((rows, classes)) + (labels[:, None] == np.arange(classes)) * 0.3, 1)
    if name == "rare":
        scores[:, 5] = 0
    scores = scores.astype(np.float32)
    predictions = scores.argmax(1)
    case = {
        "name": name, "classes": classes, "labels": labels.tolist(),
        "predictions": predictions.tolist(), "scores": scores.astype(float).ravel().tolist(),
        "confusion": m.confusion_matrix(labels, predictions, labels=range(classes)).ravel().tolist(),
        "accuracy": m.accuracy_score(labels, predictions),
    }
    for figure, function in (("precision", m.precision_score), ("recall", m.recall_score),
                             ("f1", m.f1_score)):
        case[figure] = function(labels, predictions, labels=range(classes), average=None,
                                zero_division=0).tolist()
        case["macro_" + figure] = function(labels, predictions, average="macro", zero_division=0)
    if name == "two":
        case["auc"] = m.roc_auc_score(labels, scores[:, 1])
    elif name == "four":
        case["auc"] = np.mean([m.roc_auc_score(labels == k, scores[:, k]) for k in range(classes)])
    cases.append(case)

regressions = []
for width in (1, 3):
    targets = random.normal(2, 3, (50, width)).astype(np.float32)
    if width == 3:
        targets[:, 1] = 1.5
    predictions = (targets + random.normal(0, 0.7, targets.shape)).astype(np.float32)
    regressions.append({
        "width": width, "targets": targets.astype(float).ravel().tolist(),
        "predictions": predictions.astype(float).ravel().tolist(),
        "mse": m.mean_squared_error(targets.astype(float), predictions.astype(float)),
        "mae": m.mean_absolute_error(targets.astype(float), predictions.astype(float)),
        "r2": m.r2_score(targets.astype(float), predictions.astype(float)),
    })

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(path, "w") as file:
    json.dump({"classification": cases, "regression": regressions}, file)
    file.write("\n")
