"""One region or several, and the waves in which they are deployed."""

from __future__ import annotations

import pytest

from tidegate.core.errors import InvalidInput, UsageError
from tidegate.core.spec import Spec, load

HEAD = "service: orders\nproject: shop-prod\ncontainers: [{image: shop/orders:v1, port: 8080}]\n"
TWO = "regions: [europe-west1, us-central1]\n"
THREE = "regions: [europe-west1, us-central1, asia-east1]\n"


def read(text: str, environment: str | None = None) -> Spec:
    return load((HEAD + text).encode(), "t.yaml", environment)


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    return [str(fault).removeprefix("t.yaml:") for fault in caught.value.faults]


def test_one_region_is_one_wave_however_it_is_written() -> None:
    for text in ("region: europe-west1\n", "regions: [europe-west1]\n"):
        spec = read(text)
        assert (spec.region, spec.places, spec.waves) == (
            "europe-west1",
            ("europe-west1",),
            (("europe-west1",),),
        )


def test_several_regions_go_one_after_the_other_unless_the_spec_says_otherwise() -> None:
    assert read(THREE).waves == (("europe-west1",), ("us-central1",), ("asia-east1",))
    waves = "rollout: {waves: [[asia-east1], [us-central1, europe-west1]]}\n"
    assert read(THREE + waves).waves == (("asia-east1",), ("us-central1", "europe-west1"))


def test_of_several_regions_none_is_taken_until_one_is_chosen() -> None:
    spec = read(TWO)
    assert spec.region == ""
    assert spec.in_region("us-central1").region == "us-central1"
    assert spec.in_region("us-central1").places == spec.places
    with pytest.raises(UsageError, match="orders has no region 'us-west1'") as caught:
        spec.in_region("us-west1")
    assert caught.value.hint == "the spec has europe-west1, us-central1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: region is missing"),
        ("regions: []\n", "1:1: region is missing"),
        ("region: europe-west1\n" + TWO, "4:9: region stands beside regions; write one of them"),
        ("regions: [mars]\n", "4:11: regions[0] 'mars' is not a region; write it such as europe-west1"),
        ("regions: [us-west1, us-west1]\n", "4:10: regions names us-west1 twice"),
        (
            TWO + "rollout:\n  waves: [[europe-west1]]\n",
            "6:10: rollout.waves leaves out us-central1",
        ),
        (
            TWO + "rollout:\n  waves: [[europe-west1, us-central1], [us-west1]]\n",
            "6:10: rollout.waves names us-west1, which is none of the regions of the spec",
        ),
        (
            TWO + "rollout:\n  waves: [[europe-west1, us-central1], [us-central1]]\n",
            "6:10: rollout.waves names us-central1 twice",
        ),
        (
            TWO + "rollout:\n  waves: [[], [europe-west1, us-central1]]\n",
            "6:11: rollout.waves[0] is empty; at least one is needed",
        ),
        (
            "region: us-west1\nrollout: {waves: [[us-west1], [us-west2]]}\n",
            "5:18: rollout.waves names us-west2, which is none of the regions of the spec",
        ),
    ],
)
def test_what_is_wrong_with_regions_is_placed(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_a_wrong_region_hides_no_other_fault() -> None:
    assert faults("regions: [mars]\nscaling: {max_instances: 0}\n")[1:] == [
        "5:26: scaling.max_instances is 0; it must be at least 1"
    ]


def test_an_overlay_may_put_one_region_in_the_place_of_several_and_the_other_way_round() -> None:
    text = (
        TWO
        + "rollout: {waves: [[us-central1], [europe-west1]], bake: 5m}\n"
        + "environments:\n  staging: {region: us-west1}\n  wide: {regions: [us-west1, us-west2]}\n"
    )
    assert read(text).waves == (("us-central1",), ("europe-west1",))
    assert read(text, "staging").waves == (("us-west1",),)
    assert read(text, "staging").rollout.bake == 300
    assert read(text, "wide").waves == (("us-west1",), ("us-west2",))
    single = "region: us-west1\nenvironments:\n  prod: {regions: [us-west1, us-west2]}\n"
    assert read(single, "prod").places == ("us-west1", "us-west2")
