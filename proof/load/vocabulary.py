"""The labels that the load's tasks find, and the names that their tags must have.

Written by hand, so that a mistake in the function's naming shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "椅子": "yi-zi",
        "家具": "jia-ju",
        "沙发": "sha-fa",
        "夜景": "ye-jing",
        "烟花": "yan-hua",
        "人群": "ren-qun",
        "篮球": "lan-qiu",
        "海滩": "hai-tan",
        "食物": "shi-wu",
        "动漫": "dong-man",
        "汽车": "qi-che",
        "战斗机": "zhan-dou-ji",
        "交通工具": "jiao-tong-gong-ju",
        "天空": "tian-kong",
        "森林": "sen-lin",
        "河流": "he-liu",
        "婚礼": "hun-li",
        "学校": "xue-xiao",
        "医院": "yi-yuan",
        "水果": "shui-guo",
        "猫": "mao",
        "狗": "gou",
        "雪山": "xue-shan",
        "日落": "ri-luo",
        "游戏": "you-xi",
        "Vlog": "vlog",
        "Night market": "night-market",
        "Chair": "chair",
        "BEACH": "beach",
        "4K": "4k",
        "C++": "c++",
        "v1.0": "v1.0",
        "black/white": "black/white",
        "16:9": "16:9",
    }
)
