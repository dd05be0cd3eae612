"""The elements of pain.001 that are read, as a tree the parser walks along.

A node knows its children by name. Where a node is `strict`, a child it does not know is refused:
there the misspelt name of an element would change what is paid. Elsewhere what is not known is
passed over, with everything inside.

Source: ISO 20022 message definitions pain.001.001.03 and pain.001.001.09.
"""

from typing import Final

ROOT: Final = "Document"
MESSAGE: Final = "CstmrCdtTrfInitn"
HEADER: Final = "GrpHdr"
PAYMENT: Final = "PmtInf"
TRANSACTION: Final = "CdtTrfTxInf"

VERSIONS: Final = {
    f"urn:iso:std:iso:20022:tech:xsd:{form}": form
    for form in ("pain.001.001.03", "pain.001.001.09")
}

# Leaves whose text is kept, by the part they belong to. A star: may come more than once.
_HEADER_LEAVES: Final = (
    "MsgId CreDtTm NbOfTxs CtrlSum InitgPty/Nm InitgPty/Id/OrgId/BICOrBEI "
    "InitgPty/Id/OrgId/AnyBIC InitgPty/Id/OrgId/LEI InitgPty/Id/OrgId/Othr/Id* "
    "InitgPty/Id/PrvtId/Othr/Id*"
)
_TYPE_LEAVES: Final = (
    "PmtTpInf/SvcLvl/Cd* PmtTpInf/SvcLvl/Prtry* PmtTpInf/LclInstrm/Cd "
    "PmtTpInf/LclInstrm/Prtry PmtTpInf/CtgyPurp/Cd PmtTpInf/CtgyPurp/Prtry "
)
_PAYMENT_LEAVES: Final = _TYPE_LEAVES + (
    "PmtInfId PmtMtd NbOfTxs CtrlSum ReqdExctnDt ReqdExctnDt/Dt ReqdExctnDt/DtTm "
    "DbtrAcct/Id/IBAN DbtrAcct/Id/Othr/Id"
)
_TRANSACTION_LEAVES: Final = _TYPE_LEAVES + (
    "PmtId/InstrId PmtId/EndToEndId PmtId/UETR Amt/InstdAmt Amt/EqvtAmt/Amt "
    "CdtrAgt/FinInstnId/BIC CdtrAgt/FinInstnId/BICFI CdtrAgt/FinInstnId/PstlAdr/Ctry "
    "CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd CdtrAgt/FinInstnId/ClrSysMmbId/MmbId "
    "Cdtr/Nm Cdtr/PstlAdr/Ctry CdtrAcct/Id/IBAN CdtrAcct/Id/Othr/Id CdtrAcct/Tp/Cd "
    "Purp/Cd Purp/Prtry RmtInf/Ustrd* RmtInf/Strd/CdtrRefInf/Ref*"
)

# Further children that are known, in nodes where an unknown one is refused.
_KNOWN: Final = {
    "": "",
    MESSAGE: "SplmtryData",
    f"{MESSAGE}/{HEADER}": "Authstn FwdgAgt InitnSrc",
    f"{MESSAGE}/{PAYMENT}": (
        "BtchBookg PoolgAdjstmntDt Dbtr DbtrAgt DbtrAgtAcct InstrForDbtrAgt UltmtDbtr "
        "ChrgBr ChrgsAcct ChrgsAcctAgt"
    ),
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}": (
        "XchgRateInf ChrgBr ChqInstr UltmtDbtr IntrmyAgt1 IntrmyAgt1Acct IntrmyAgt2 "
        "IntrmyAgt2Acct IntrmyAgt3 IntrmyAgt3Acct CdtrAgtAcct UltmtCdtr InstrForCdtrAgt "
        "InstrForDbtrAgt RgltryRptg Tax RltdRmtInf SplmtryData"
    ),
    f"{MESSAGE}/{PAYMENT}/PmtTpInf": "InstrPrty",
    f"{MESSAGE}/{PAYMENT}/PmtTpInf/SvcLvl": "",
    f"{MESSAGE}/{PAYMENT}/PmtTpInf/LclInstrm": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/PmtTpInf": "InstrPrty",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/PmtTpInf/SvcLvl": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/PmtTpInf/LclInstrm": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/RmtInf": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/PmtId": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/Amt": "",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/CdtrAcct": "Ccy Nm Prxy",
    f"{MESSAGE}/{PAYMENT}/{TRANSACTION}/CdtrAcct/Id": "",
}

# Parts of a transaction that say how it is to be done and that a payout does not carry.
NOT_CARRIED: Final = frozenset(
    {
        "XchgRateInf",
        "IntrmyAgt1",
        "IntrmyAgt2",
        "IntrmyAgt3",
        "InstrForCdtrAgt",
        "InstrForDbtrAgt",
        "RgltryRptg",
        "Tax",
    }
)


class Node:
    """One element of the tree."""

    __slots__ = ("children", "is_leaf", "is_strict", "key", "may_repeat", "path")

    def __init__(self, path: str) -> None:
        self.path = path  # from the root element on, without numbers
        self.key = ""  # of a leaf: path inside its part
        self.children: dict[str, Node] = {}
        self.is_leaf = False
        self.may_repeat = False
        self.is_strict = False

    def child(self, name: str) -> "Node":
        """Return the child of that name, made if there is none."""
        if name not in self.children:
            self.children[name] = Node(f"{self.path}/{name}")
        return self.children[name]

    def at(self, path: str) -> "Node":
        """Return the node below at `path`, made with all between if there is none."""
        node = self
        for name in path.split("/") if path else ():
            node = node.child(name)
        return node


def tree() -> Node:
    """Return the node of the root element."""
    root = Node(f"/{ROOT}")
    parts = {
        f"{MESSAGE}/{HEADER}": _HEADER_LEAVES,
        f"{MESSAGE}/{PAYMENT}": _PAYMENT_LEAVES,
        f"{MESSAGE}/{PAYMENT}/{TRANSACTION}": _TRANSACTION_LEAVES,
    }
    for part, leaves in parts.items():
        for leaf in leaves.split():
            key = leaf.removesuffix("*")
            node = root.at(f"{part}/{key}")
            node.key = key
            node.is_leaf = node.is_strict = True  # 10<x/>0 is not a hundred
            node.may_repeat = leaf.endswith("*")
    for path, names in _KNOWN.items():
        node = root.at(path)
        node.is_strict = True
        for name in names.split():
            node.child(name)
    return root
