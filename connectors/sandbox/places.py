"""What differs between countries: currency, usual pay, names, addresses, and what is taken off the pay.

Rates are rounded, made-up versions of the real ones: good enough to look at, wrong for any payroll.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Levy:
    """Something taken off the gross pay: `rate` and `step` in hundredths of a percent.

    `step` is added for each further fifth of the country's usual salary that a person earns, so that income tax
    grows with income; 0 for a flat rate.
    """

    code: str
    name: str
    rate: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A country as the sandbox knows it; `usual_salary` in whole units of the currency per year."""

    currency: str
    usual_salary: int
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]  # city, region, and postcode with # for each digit
    taxes: tuple[Levy, ...]
    number_first: bool = False  # "12 High Street" instead of "Hauptstraße 12"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ENGLISH_FIRST = _words(
    "Amelia Oliver Grace Harry Aisha Callum Freya Imran Chloe Daniel Eleanor Faisal Georgia Hannah Isaac Jasmine Leo "
    "Megan Nathan Olivia Priya Rhys Sophie Thomas Zara Benjamin Charlotte Dylan Emily Finn Isla Jack Lucy Maya Noah"
)
_ENGLISH_LAST = _words(
    "Ashworth Bennett Carter Davies Edwards Fletcher Graham Hughes Iqbal Jones Khan Lewis Marsh Newton Okafor Patel "
    "Quinn Reid Singh Taylor Underwood Vaughan Walker Young Barker Cole Doyle Ellis Forster Gill Hale Irwin Kerr Lowe"
)
_ENGLISH_STREETS = (
    "High Street",
    "Station Road",
    "Mill Lane",
    "Church Street",
    "Victoria Road",
    "Park Avenue",
    "Quay Road",
)

PLACES: dict[str, Place] = {
    "DE": Place(
        "EUR",
        46_000,
        _words(
            "Anna Lukas Marie Jonas Lena Felix Sophie Paul Emilia Maximilian Hannah Leon Mia Tim Ayşe Mehmet Katharina "
            "Stefan Ursula Jürgen Petra Björn Sabine Uwe Claudia Andreas Miriam Dennis Ines Torsten Nadja Olaf"
        ),
        _words(
            "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter "
            "Klein Wolf Schröder Neumann Schwarz Zimmermann Yildiz Krüger Hartmann Lange Groß Vogel Kowalski Peters"
        ),
        ("Hauptstraße", "Bahnhofstraße", "Gartenweg", "Lindenallee", "Am Markt", "Mühlenstraße", "Schulstraße"),
        (
            ("Hamburg", "Hamburg", "20###"),
            ("Bremen", "Bremen", "28###"),
            ("Leipzig", "Sachsen", "04###"),
            ("Köln", "Nordrhein-Westfalen", "50###"),
            ("Nürnberg", "Bayern", "90###"),
        ),
        (
            Levy("income_tax", "Lohnsteuer", 1150, 130),
            Levy("pension", "Rentenversicherung", 930),
            Levy("health", "Krankenversicherung", 855),
            Levy("unemployment", "Arbeitslosenversicherung", 130),
        ),
    ),
    "NL": Place(
        "EUR",
        44_000,
        _words(
            "Daan Emma Sem Julia Lars Sanne Bram Lotte Thijs Fleur Jeroen Femke Ruben Anouk Wouter Iris Youssef Noor "
            "Maarten Eline Pieter Roos Joost Saskia Karim Marloes Tessa Gijs"
        ),
        _words(
            "Jansen Bakker Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Dijkstra Kok Jacobs Vermeulen "
            "Schouten Postma Kuipers Hoekstra Koster Prins Blom Huisman Molenaar Kuiper Veenstra"
        ),
        ("Dorpsstraat", "Kerkstraat", "Molenweg", "Stationsweg", "Prinsengracht", "Julianalaan"),
        (
            ("Rotterdam", "Zuid-Holland", "30## AB"),
            ("Utrecht", "Utrecht", "35## KL"),
            ("Zwolle", "Overijssel", "80## DX"),
        ),
        (Levy("income_tax", "Loonheffing", 1840, 150), Levy("health", "Zvw", 525)),
    ),
    "GB": Place(
        "GBP",
        34_000,
        _ENGLISH_FIRST,
        _ENGLISH_LAST,
        _ENGLISH_STREETS,
        (
            ("Leeds", "West Yorkshire", "LS# #QT"),
            ("Bristol", "Bristol", "BS# #HD"),
            ("Cardiff", "Wales", "CF## #AE"),
            ("Norwich", "Norfolk", "NR# #PJ"),
        ),
        (Levy("income_tax", "PAYE income tax", 1180, 120), Levy("national_insurance", "National Insurance", 640)),
        number_first=True,
    ),
    "IE": Place(
        "EUR",
        43_000,
        _words(
            "Aoife Conor Niamh Seán Ciara Oisín Róisín Padraig Sinéad Eoin Gráinne Declan Orla Cormac Maeve Fionn "
            "Saoirse Ronan Clodagh Brendan Kate Darragh"
        ),
        _words(
            "Murphy Kelly Byrne Ryan Walsh Doyle Gallagher Doherty Lynch Kennedy McCarthy Quinn Nolan Brennan Burke "
            "Daly Keane Moran Power Healy Duffy Reilly Flynn Hayes"
        ),
        _ENGLISH_STREETS,
        (("Cork", "Munster", "T12 X##P"), ("Galway", "Connacht", "H91 F##K"), ("Dublin", "Leinster", "D0# K##V")),
        (Levy("income_tax", "PAYE", 1020, 160), Levy("social_insurance", "PRSI", 410), Levy("usc", "USC", 240)),
        number_first=True,
    ),
    "FR": Place(
        "EUR",
        38_000,
        _words(
            "Camille Louis Léa Hugo Manon Jules Chloé Gabriel Inès Arthur Sarah Nathan Élise Théo Amina Karim Margaux "
            "Baptiste Céline Olivier Hélène Mathieu Nadia Étienne Solène Rémi"
        ),
        _words(
            "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Laurent Lefèvre Michel Garcia "
            "Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Benali Faure Mercier"
        ),
        ("rue de la République", "avenue Jean Jaurès", "rue des Lilas", "place du Marché", "rue Victor Hugo"),
        (
            ("Lyon", "Auvergne-Rhône-Alpes", "6900#"),
            ("Nantes", "Pays de la Loire", "44#00"),
            ("Lille", "Hauts-de-France", "59#00"),
        ),
        (
            Levy("income_tax", "Prélèvement à la source", 640, 120),
            Levy("pension", "Assurance vieillesse", 1130),
            Levy("csg", "CSG et CRDS", 920),
        ),
        number_first=True,
    ),
    "ES": Place(
        "EUR",
        29_000,
        _words(
            "Lucía Hugo Martina Mateo Paula Pablo Carmen Álvaro Sofía Diego Marta Javier Elena Sergio Nuria Iván Rocío "
            "Andrés Pilar Raúl Inmaculada Jordi Aitana Miguel"
        ),
        _words(
            "García Fernández González Rodríguez López Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Díaz Moreno "
            "Muñoz Álvarez Romero Navarro Torres Domínguez Vázquez Ramos Gil Serrano"
        ),
        ("Calle Mayor", "Avenida de la Constitución", "Calle del Sol", "Paseo Marítimo", "Calle Nueva"),
        (
            ("Valencia", "Comunitat Valenciana", "460##"),
            ("Zaragoza", "Aragón", "500##"),
            ("Bilbao", "Euskadi", "480##"),
        ),
        (Levy("income_tax", "IRPF", 1090, 140), Levy("social_security", "Seguridad Social", 635)),
    ),
    "SE": Place(
        "SEK",
        438_000,
        _words("Astrid Erik Elsa Oscar Maja Axel Linnea Viktor Freja Gustav Saga Anders Åsa Mårten Ebba Nils Sigrid"),
        _words(
            "Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson Lindberg Åberg "
            "Lindström Söderström Holm Ekström"
        ),
        ("Storgatan", "Kungsgatan", "Skolvägen", "Björkvägen", "Hamngatan"),
        (("Malmö", "Skåne", "21# ##"), ("Göteborg", "Västra Götaland", "41# ##")),
        (Levy("municipal_tax", "Kommunalskatt", 2380), Levy("state_tax", "Statlig skatt", 0, 110)),
    ),
    "PL": Place(
        "PLN",
        96_000,
        _words(
            "Zofia Jan Hanna Antoni Julia Jakub Maja Stanisław Łucja Wojciech Małgorzata Krzysztof Agnieszka Tomasz "
            "Ewa Paweł Katarzyna Michał Olena Andrij Barbara Grzegorz Świętosława Marek"
        ),
        _words(
            "Nowak Wójcik Kowalczyk Woźniak Mazur Krawczyk Kaczmarek Zając Król Wieczorek Jabłoński Dudek Stępień "
            "Pawlak Sikora Baran Szewczyk Ostrowski Bąk Duda Szymczak Kubiak Wróbel Shevchenko"
        ),
        ("ul. Długa", "ul. Polna", "ul. Leśna", "ul. Słoneczna", "ul. Krótka", "ul. Szkolna"),
        (("Łódź", "łódzkie", "90-###"), ("Poznań", "wielkopolskie", "60-###"), ("Wrocław", "dolnośląskie", "50-###")),
        (Levy("income_tax", "PIT", 640, 100), Levy("social_insurance", "ZUS", 1371), Levy("health", "NFZ", 776)),
    ),
    "US": Place(
        "USD",
        52_000,
        (
            *_ENGLISH_FIRST,
            *_words("Jayden Maria Tyrone Ashley Luis Brittany Hector Kayla Wei Guadalupe Marcus Tiffany"),
        ),
        _words(
            "Smith Johnson Williams Brown Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Wilson Anderson "
            "Thomas Moore Jackson Lee Perez Thompson White Harris Ramirez Robinson Nguyen Allen Wright Torres Hill"
        ),
        ("Main St", "Oak Ave", "Prairie Rd", "Maple Dr", "2nd St", "Lincoln Blvd", "Elm St"),
        (("Wichita", "KS", "672##"), ("Omaha", "NE", "681##"), ("Des Moines", "IA", "503##"), ("Tulsa", "OK", "741##")),
        (
            Levy("federal_income_tax", "Federal income tax", 760, 130),
            Levy("social_security", "Social Security", 620),
            Levy("medicare", "Medicare", 145),
            Levy("state_income_tax", "State income tax", 330, 20),
        ),
        number_first=True,
    ),
    "CA": Place(
        "CAD",
        58_000,
        (*_ENGLISH_FIRST, *_words("Mathis Florence Xavier Rosalie Gurpreet Mei Logan Avery Simran Étienne")),
        _words(
            "Tremblay Roy Gagnon Campbell MacDonald Wong Singh Chan Leblanc Morin Fraser Stewart Côté Bouchard Gill "
            "Dhillon Sinclair Murray Pelletier Lam Reid Grant"
        ),
        ("King St W", "Maple St", "Rue Saint-Paul", "Lakeshore Rd", "Queen St E"),
        (("Guelph", "ON", "N1H #G#"), ("Halifax", "NS", "B3J #K#"), ("Québec", "QC", "G1R #P#")),
        (
            Levy("federal_tax", "Federal tax", 980, 110),
            Levy("provincial_tax", "Provincial tax", 520, 60),
            Levy("cpp", "Canada Pension Plan", 560),
            Levy("ei", "Employment Insurance", 164),
        ),
        number_first=True,
    ),
}
