"""Texts, and what a server in OpenAI's style makes of them."""

import json
import random

SEED = 20240501

# What UTF-8 texts are made of beyond letters: marks that combine, emoji joined and colored, both
# directions of writing, the first and last of each length, and no spaces for a long time.
UNICODE_TEXT = ("Zoe\u0308 cafe\u0301 \u1e9b\u0323 a\u030a\u0332\n"
                "\U0001f469\u200d\U0001f4bb \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea "
                "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\r\n"
                "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\t\n\n"
                "\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff\n"
                + "\u6c34\u706b\u6728\u91d1\u571f" * 60 + "\u2028\u2029\u00a0  \n"
                + "\U0001f600" * 100 + " e" + "\u0301" * 40)


def json_string(text, chance):
    """The text as a JSON string, each character in one of its spellings."""
    spelled = []
    for character in text:
        units = character.encode("utf-16-be")
        escapes = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        spelled.append(chance.choice([escapes, escapes.upper().replace("U", "u"), plain, plain]))
    return '"' + "".join(spelled) + '"'


def chunk(content, **more):
    return json.dumps({"choices": [{"index": 0, "delta": {"content": content}}], **more})


def completion(text):
    """The text as a server would stream it, with everything that a reader has to bear."""
    chance = random.Random(SEED)
    lines = [": OPENROUTER PROCESSING", "",
             'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}', ""]
    begin = 0
    while begin < len(text):
        end = begin + chance.randint(1, 40)
        content = json_string(text[begin:end], chance)
        lines += [chance.choice(["data: ", "data:"]) +
                  '{"id":"c","choices":[{"index":0,"delta":{"content":' + content +
                  '},"logprobs":null,"finish_reason":null}]}',
                  *chance.choice([[""], [""], [], [": ping", ""], ["event: message", "id: 5"],
                                  ['data: {"choices":null}'], ['data: {"choices":[]}', ""],
                                  ['data: {"choices":[{"delta":null}]}']])]
        begin = end
    lines += ['data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}', "",
              'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":11}}', "",
              "data: [DONE]", ""]
    return "".join(line + chance.choice(["\n", "\n", "\r\n", "\r"]) for line in lines).encode()
