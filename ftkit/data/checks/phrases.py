"""How answers refuse, and how they speak of themselves as an AI, in a dozen languages: a pattern a line.

The patterns are for the lower-case head of an answer. One needs the refusal and what is refused ("can't help with"): "I'm
sorry to hear that" and "I can't believe it" are none. CANNOT and HELP stand for the English words below.
"""

from __future__ import annotations

import re

_CANNOT = r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to)(?: \w{2,12}){0,2}?"
_HELP = (
    r"(?:help|assist|provide|fulfill?|comply|answer|respond|generate|create|do (?:that|this)|continue|discuss|engage|support"
    r"|offer|share|give (?:you )?(?:advice|information|instructions)|write (?:that|this|such)|participate|facilitate|condone"
    r"|complete (?:that|this|your)|browse|access (?:the internet|real-time|external))\b"
)


def _any_of(lines: str) -> re.Pattern[str]:
    patterns = [line.strip() for line in lines.splitlines() if line.strip()]
    return re.compile("|".join(patterns).replace("CANNOT", _CANNOT).replace("HELP", _HELP))


REFUSALS = _any_of(
    r"""
    \bi(?:'m| am)(?: really| very| so)? (?:sorry|afraid)[,.]?(?: but)?(?: that)? (?:i|we) ?CANNOT HELP
    ^\W{0,5}(?:unfortunately, |sorry, (?:but )?|i apologi[sz]e, but )?i ?CANNOT HELP
    \bi(?:'m| am) (?:unable|not able) to (?:help|assist|provide|fulfil|comply|answer|generate|create|discuss|engage)
    \bi must (?:respectfully )?(?:decline|refuse)|\bi have to decline
    \b(?:goes|is) against my (?:programming|guidelines|policies)
    tut mir leid,? (?:aber )?(?:ich|das) (?:kann|darf|werde)\b.{0,60}?\b(?:nicht|keine[nr]?)\b.{0,60}?(?:helfen|beantworten|geben)
    tut mir leid,? (?:aber )?ich (?:kann|darf)\b.{0,60}?\b(?:nicht|keine[nr]?)\b.{0,60}?(?:unterstützen|bereitstellen|erfüllen|nachkommen)
    ^\W{0,5}(?:leider )?(?:kann|darf) ich (?:ihnen |dir )?(?:dabei|damit|bei dies|diese).{0,40}nicht (?:\w{1,20} )?(?:helfen|beantworten)
    ^\W{0,5}(?:leider )?(?:kann|darf) ich (?:ihnen |dir )?(?:dabei|damit|bei dies).{0,40}nicht (?:\w{1,20} )?(?:unter|weiter)
    désolée?,? (?:mais )?je ne (?:peux|puis|suis) (?:pas|en mesure).{0,60}?(?:aider|répondre|fournir|assister|générer)
    ^\W{0,5}je ne (?:peux|puis) pas (?:vous |t')?(?:aider|répondre|fournir|accéder à votre demande)
    (?:lo siento|lamento|disculpa)[^.]{0,20}no (?:puedo|podré)\b.{0,40}?(?:ayudar|responder|proporcionar|asistir|generar|cumplir)
    ^\W{0,5}no puedo (?:ayudar|proporcionar|responder a es|cumplir)
    mi dispiace,? (?:ma )?non (?:posso|sono in grado di)\b.{0,40}?(?:aiutar|rispondere|fornire|assister|generare)
    (?:desculpe?|sinto muito|lamento),? (?:mas )?(?:eu )?não (?:posso|consigo)\b.{0,40}?(?:ajudar|responder|fornecer|gerar|atender)
    spijt me,? (?:maar )?(?:ik kan|daar kan ik)\b.{0,40}?(?:niet|geen)\b.{0,40}?(?:helpen|beantwoorden|geven|voldoen)
    (?:przykro mi|przepraszam),? (?:ale )?nie mogę\b.{0,40}?(?:pomóc|odpowiedzieć|udzielić|spełnić)
    üzgünüm,? (?:ama |ancak )?.{0,60}?(?:yardımcı olamam|yardım edemem|yanıtlayamam|sağlayamam)
    (?:извините|простите|к сожалению|мне жаль),? (?:но )?я не могу\b.{0,40}?(?:помочь|ответить|предоставить|выполнить|обсуждать)
    (?:抱歉|对不起|對不起|很遗憾)[，,。 ]{0,2}.{0,12}(?:无法|不能|無法).{0,12}(?:帮助|协助|回答|提供|满足|幫助|協助)
    (?:申し訳(?:ありません|ございません)|すみません|残念ながら).{0,40}(?:お答え|お手伝い|対応|提供|お応え)(?:は)?できません
    (?:죄송합니다|죄송하지만|미안하지만).{0,40}(?:도와드릴|답변할|답변드릴|제공할) 수 없
    """
)

AS_AN_AI = _any_of(
    r"""
    \bas (?:an?|your) (?:ai|artificial intelligence|(?:large )?language model)(?: (?:language )?model| assistant| chatbot| system)?(?:,| i\b|\.)
    \bas (?:an?|your) (?:ai|(?:large )?language model)(?: (?:language )?model| assistant)? (?:developed|trained|created|made) by
    \bi(?:'m| am) (?:just |only |merely )?(?:an?|the) (?:ai|artificial intelligence|(?:large )?language model)(?=[,.!]| (?:and|so|but|model|assistant|that|who|developed|trained|created|language)\b)
    \b(?:trained|developed|created|made) by (?:openai|anthropic|google deepmind|mistral ai|meta ai|deepseek|alibaba cloud)\b
    \bmy (?:knowledge|training)(?: data)? (?:cut-?off|only goes up to|is limited to|ends in)|\bas of my (?:last|latest) (?:update|training|knowledge)
    \bals (?:ki|künstliche intelligenz|sprachmodell|ki-(?:modell|assistent|sprachmodell))(?:,| (?:kann|habe|bin|darf|verfüge)\b)
    \bich bin (?:nur )?(?:eine ki|ein (?:ki-)?sprachmodell|eine künstliche intelligenz)(?=[,.!]| und\b)
    \ben tant qu(?:'|e )(?:ia\b|intelligence artificielle|modèle de langage|assistant ia)|\bje suis (?:une ia\b|un modèle de langage|une intelligence artificielle)
    \bcomo (?:una ia\b|ia,|un modelo de lenguaje|modelo de lenguaje|inteligencia artificial|asistente de ia)|\bsoy (?:una ia\b|un modelo de lenguaje|una inteligencia artificial)
    \b(?:come|in quanto) (?:ia\b|una ia\b|intelligenza artificiale|(?:un )?modello linguistico|un'intelligenza artificiale)|\bsono (?:un modello linguistico|un'intelligenza artificiale|un'ia\b)
    \bcomo (?:uma ia\b|uma inteligência artificial|um modelo de linguagem|modelo de linguagem)|\bsou (?:uma ia\b|um modelo de linguagem)
    \bals (?:ai|ai-(?:model|taalmodel|assistent)|een ai|(?:een )?taalmodel)(?:,| (?:kan|heb|ben)\b)
    \bjako (?:ai\b|sztuczna inteligencja|model językowy)|\bjestem (?:modelem językowym|sztuczną inteligencją)
    (?:как|я|являясь) (?:языковая модель|языковой моделью|искусственный интеллект|нейросеть)
    \b(?:bir yapay zeka|yapay zeka modeli|bir dil modeli) olarak
    (?:作为|作為|身为)(?:一个|一名|一個)?(?:ai|人工智能|人工智慧|语言模型|語言模型|大型语言模型)|我(?:是|只是)一个(?:ai|人工智能|语言模型)
    (?:ai|言語モデル|人工知能)(?:アシスタント)?として|私は(?:ai|言語モデル|人工知能)(?:です|であり|なので)
    (?:ai|인공지능|언어 ?모델)(?:으)?로서|저는 (?:ai|인공지능|언어 ?모델)
    """
)
