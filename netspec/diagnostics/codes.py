"""The register of diagnostic codes. A code is never reused for another meaning."""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["CODES"]

# NS0xx files and limits · NS1xx syntax · NS2xx names and values · NS3xx shapes · NS4xx contracts
# NS5xx backends and weights · NS6xx training · NS9xx warnings
CODES = MappingProxyType(
    {
        "NS001": "a file cannot be read",
        "NS002": "the file is not UTF-8 text",
        "NS003": "the file is too large",
        "NS004": "a `use` path leaves the project folder or loops",
        "NS005": "a limit on the size of a spec is exceeded",
        "NS101": "the text cannot be parsed",
        "NS102": "a bracket is not closed",
        "NS103": "the spec has no layers",
        "NS201": "unknown layer or block",
        "NS202": "unknown option",
        "NS203": "an option or slot is given twice",
        "NS204": "a value has the wrong type",
        "NS205": "a value is out of range",
        "NS206": "a required value is missing",
        "NS207": "a layer does not take what it is given",
        "NS208": "unknown name",
        "NS209": "a name is defined twice",
        "NS210": "an expression cannot be computed",
        "NS211": "a block calls itself",
        "NS212": "a statement stands in the wrong place",
        "NS213": "a name cannot be used here",
        "NS214": "unknown parameter of the net",
        "NS301": "a window is larger than its input",
        "NS302": "a window does not tile its input",
        "NS303": "a layer does not accept this kind of tensor",
        "NS304": "channels do not divide into groups",
        "NS305": "input is dropped at the border",
        "NS306": "branches do not fit together",
        "NS307": "a size does not fit",
        "NS308": "there is no current tensor",
        "NS309": "sizes look like channels last",
        "NS310": "sizes look like a batch",
        "NS401": "an expectation does not hold",
        "NS402": "an expectation cannot be checked",
        "NS403": "a training recipe is wrong",
        "NS501": "an output file cannot be written",
        "NS502": "a program or package is missing",
        "NS503": "weights do not fit the spec",
        "NS504": "the exported model disagrees with the module",
        "NS505": "an output format is not known",
        "NS506": "a layer cannot be exported",
        "NS601": "training data cannot be read",
        "NS602": "training data does not fit the net",
        "NS603": "an example is corrupt",
        "NS604": "a recipe cannot be carried out",
        "NS605": "training diverged",
        "NS606": "a run cannot be read or resumed",
        "NS607": "a check before training failed",
        "NS901": "a squashing activation before a loss that expects logits",
        "NS902": "a declared name is not used",
        "NS903": "dropout behind the last layer",
        "NS904": "two activations in a row",
        "NS905": "a tensor that nothing uses",
        "NS906": "a bias before a batch norm",
        "NS907": "a join with a single branch",
        "NS908": "braces with nothing in them",
        "NS909": "a variable that only shadows another",
        "NS910": "a label that nothing refers to",
    }
)
