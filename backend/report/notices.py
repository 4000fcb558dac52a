"""The fixed sentences about scores, limits and units, for the page and the PDF."""

NOT_A_PROOF = (
    "A score is not a proof. Look for the source and for a second opinion before you act on it."
)
WHAT_IT_MEANS = (
    "The probability is the model's own estimate. It was calibrated on files of methods and "
    "sources that it was not trained on; others can score otherwise. Real and Fake are said only "
    "beyond two thresholds; between them no side is taken."
)
TESTED_ON = (
    "The model had never seen the methods and sources of these files. Shares are of those judged."
)
WHAT_IT_IS_NOT = (
    "It is not the share of the file that was changed, and not a chance of guilt. In our tests "
    "half of the files were fakes. Where fakes are rarer, a high score is more often wrong."
)
SCOPE = "It judges faces and voices, nothing else, and it can be wrong. A score is not a proof."
LIMITS = (
    "Only faces and voices were judged. Text, other sounds, backgrounds, bodies and whether a "
    "scene was staged or shown out of context were not. New ways of making fakes can go unnoticed: "
    "clips are searched for changed faces, and one that a generator drew as a whole can pass as "
    "real. Strong compression, filters, make-up or a bad microphone can look like a fake."
)
VOTES = (
    "Each model judged by itself here, by thresholds of its own. Their scores together make the "
    "answer, each as much as it counts. How often each was wrong is from our tests, with methods "
    "that it had never seen."
)
UNITS = {
    "log-odds": (
        "Log-odds: the model's own scale. 0 stands for 50 %, 1 for 73 %, 2 for 88 %, −1 for 27 %."
    ),
    "dB": "dB: how much stronger one thing is than another. 6 dB is twice as strong, 0 the same.",
}
