/* src/store/files.h: what becomes of files and messages that are saved over and renamed, and what waits for what. */
#include "store-writing.h"

static const struct {
	const char *steps, *told;
} rows[] = {
	/* Files. */
	{ "m new:v", "m 1.eml \\Seen@1001 I:; file v v@66 A:" },
	{ "m new:v w:x", "m 1.eml \\Seen@1001 I:; file x v@77 A:" },
	{ "m new:v t:9 w:x", "m 1.eml \\Seen@1001 I:; file x v@9! A:" },
	{ "m new:v w:X", "m 1.eml \\Seen@1001 I:; X v@77 A: append A" },
	{ "m new:v t:9 w:X", "m 1.eml \\Seen@1001 I:; X v@9! A: append A" },
	{ "m new:v rm", "m 1.eml \\Seen@1001 I:" },
	{ "m new:v rm!", "m 1.eml \\Seen@1001 I:" },
	{ "m new:v >B", "m 1.eml \\Seen@1001 I:; file v v@66 B:" },
	{ "m after:v", "m 1.eml \\Seen@1001 I:; file v v \\Seen@1001 A:" },
	{ "m after:v w:X", "m 1.eml \\Seen@1001 I:; X v \\Seen@1001 A: append A +\\Seen" },
	{ "m after:V", "m 1.eml \\Seen@1001 I:; V V \\Seen@1001 A: append A +\\Seen" },
	{ "m +\\Flagged after:V", "m 1.eml \\Seen \\Flagged@1001 I: flags +\\Flagged;"
		" V V \\Seen \\Flagged@1001 A: append A +\\Seen \\Flagged" },

	/* Uploads that have not begun. */
	{ "n w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n +\\Flagged w:X", "m 1.eml \\Seen@1001 I:; X new.eml \\Flagged@5 A: append A +\\Flagged" },
	{ "n w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:" },
	{ "n +\\Flagged w:x w:Y", "m 1.eml \\Seen@1001 I:; Y new.eml \\Flagged@77 A: append A +\\Flagged" },
	{ "n t:9 w:x w:Y", "m 1.eml \\Seen@1001 I:; Y new.eml@9! A: append A" },
	{ "n send fail w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n send fail w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:" },
	{ "n send >B again w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 B: append B" },
	{ "n send +\\Flagged again w:X", "m 1.eml \\Seen@1001 I:; X new.eml \\Flagged@5 A: append A +\\Flagged" },
	{ "c w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen" },
	{ "c +\\Flagged w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen \\Flagged@1001 A: append A +\\Seen \\Flagged" },
	{ "c w:x", "m 1.eml \\Seen@1001 I:; file x 1.eml \\Seen@1001 A:" },
	{ "c send fail w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen" },
	/* What is to be copied from it has its old bytes. */
	{ "c cp w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen; m 1.eml \\Seen@1001 B: copy A>B;"
		" m 1.eml \\Seen@1001 T: copy I>T" },

	/* What the server has. */
	{ "m w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w!:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 -: remove I ^" },
	{ "m w:m", "file m 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x", "file x 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x t:9 w:Y", "Y 1.eml \\Seen@9! I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X w:y", "file y 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X t:9", "X 1.eml \\Seen@9! I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m +\\Flagged w:X", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen \\Flagged@1001 T: flags +\\Flagged, removal I>T ^" },
	{ "m +\\Flagged send w:X", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen \\Flagged@1001 T: sent flags +\\Flagged, removal I>T ^" },
	{ "m w:X +\\Flagged", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B send w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: sent move I>B, removal B>T ^" },
	{ "m >B send w:X done", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal B>T ^" },
	{ "m >B send w!:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 -: sent move I>B, remove B ^" },
	{ "m w:X >B", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X rm", "X 1 (2).eml \\Seen@1001 T: append T +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X rm!", "m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x rm", "m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m rm w:X", "X 1.eml \\Seen@1001 T: append T +\\Seen; m 1.eml \\Seen@1001 -: removal I>T, remove T ^" },
	{ "m cp w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 B: copy I>B;"
		" m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X cp", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^;"
		" X 1.eml \\Seen@1001 B: append B +\\Seen" },
	{ "m w:X gone", "X 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:X renum", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m renum w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B send gone w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen;"
		" m 1.eml \\Seen@1001 T: sent move I>B, removal B>T ^" },

	/* An upload that has begun. */
	{ "n send w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: sent append A, removal A>T ^" },
	{ "n send w!:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 -: sent append A, remove A ^" },
	{ "n send w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:; n new.eml@5 T: sent append A, removal A>T ^" },
	{ "n send w:X done", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: removal A>T ^" },
	{ "n send w:X fail", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A;"
		" refused n new.eml@5 T: failed append A, removal A>T ^" },
	{ "n send w!:X fail", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n send hold w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: held append A, removal A>T ^" },
	{ "m w:X up w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^;"
		" X 1 (2).eml \\Seen@1001 T: sent append I +\\Seen, removal I>T ^" },
	{ "c send w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen;"
		" m 1.eml \\Seen@1001 T: sent copy I>A, removal A>T ^" },

	/* Taken back. */
	{ "m w:X undo", "m 1.eml \\Seen@1001 I:" },
	{ "m w!:X undo", "m 1.eml \\Seen@1001 I:" },
	{ "m w:X >B undo", "m 1.eml \\Seen@1001 I:" },
	{ "m +\\Flagged w:X undo", "m 1.eml \\Seen \\Flagged@1001 I: flags +\\Flagged" },
	{ "m >B send w:X undo", "m 1.eml \\Seen@1001 B: sent move I>B" },
	{ "m w:X up fail undo", "m 1.eml \\Seen@1001 I:" },
	{ "n send w:X undo", "m 1.eml \\Seen@1001 I:; n new.eml@5 A: sent append A" },
	{ "m w:X up w:Y undo", "m 1.eml \\Seen@1001 T: removal I>T ^; X 1.eml \\Seen@1001 I: sent append I +\\Seen" },

	/* Renamed. */
	{ "m new:v mv:Bu", "m 1.eml \\Seen@1001 I:; file v u@66 B:" },
	{ "m new:V mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m new:V mv:A~u", "m 1.eml \\Seen@1001 I:; file V ~u@66 A:" },
	{ "m new:V mv:A~u mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m new:V send mv:A~u", "m 1.eml \\Seen@1001 I:; V ~u@66 A: sent append A" },
	{ "m new:V send fail mv:Au", "m 1.eml \\Seen@1001 I:; refused V u@66 A: failed append A" },
	{ "m new:V send fail mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m mv:I~u", "m ~u \\Seen@1001 I:" },
	{ "m mv:Bu", "m u \\Seen@1001 B: move I>B" },
	{ "c mv:B~u", "m 1.eml \\Seen@1001 I:; m ~u \\Seen@1001 B: copy I>B" },

	{ "m new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V over!:M", "m 1.eml \\Seen@1001 -: remove I ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V t:9 over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@9! I: append I +\\Seen" },
	{ "m new:v over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; file v 1.eml \\Seen@1001 I:" },
	{ "m new:v over:M w:X", "m 1.eml \\Seen@1001 T: removal I>T ^; X 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V mv:A~u over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V over:M undo", "m 1.eml \\Seen@1001 I:" },
	{ "m new:V send over:M", "m 1.eml \\Seen@1001 T: removal I>T ^;"
		" V 1.eml \\Seen@66 I: sent append A, move A>I, flags +\\Seen" },
	{ "m new:V send done over:M", "m 1.eml \\Seen@1001 T: removal I>T; V 1.eml@66 I: move A>I" },
	/* Over what was not uploaded yet: that is of no use any more. */
	{ "m new:V new:W over:N", "m 1.eml \\Seen@1001 I:; W V@66 A: append A" },
	{ "m new:v new:W over:N", "m 1.eml \\Seen@1001 I:; W v@66 A: append A" },
	{ "m new:v t:9 new:W over:N", "m 1.eml \\Seen@1001 I:; W v@66 A: append A" },
	{ "m new:V send new:W over:N", "m 1.eml \\Seen@1001 I:; V V@66 T: sent append A, removal A>T ^; W V@66 A: append A" },
	/* Again and again: the first version waits for the last. */
	{ "m w:X new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:x new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:X new:V over:M undo", "m 1.eml \\Seen@1001 I:" },
	/* As editors do it that put the old one aside. */
	{ "m mv:I~u after:V aside", "file m ~u \\Seen@1001 I:; V V \\Seen@1001 A: append A +\\Seen;"
		" m ~u \\Seen@1001 T: removal I>T ^" },
	{ "m mv:I~u after:V aside drop", "V V \\Seen@1001 A: append A +\\Seen; m ~u \\Seen@1001 T: removal I>T ^" },
	/* What is put aside, and then kept or removed by the user. */
	{ "m mv:I~u mv:Iv after:V aside", "m v \\Seen@1001 I:; V V \\Seen@1001 A: append A +\\Seen" },
	{ "m mv:I~u >B after:V aside", "m ~u \\Seen@1001 B: move I>B; V V \\Seen@1001 A: append A +\\Seen" },
	{ "m mv:I~u rm after:V aside", "m ~u \\Seen@1001 T: removal I>T; V V \\Seen@1001 A: append A +\\Seen" },
	{ "c cp new:V over:N", "m 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: copy I>T; m 1.eml \\Seen@1001 B: copy A>B;"
		" V 1.eml \\Seen@1001 A: append A +\\Seen" },
};

static void
test_row(World *world, const void *data)
{
	const char *steps_text = rows[GPOINTER_TO_UINT(data)].steps;
	g_auto(GStrv) steps = g_strsplit(steps_text, " ", -1);
	Writing writing = { world, begin_with(world, *steps[0]), 0 };

	for (char **step = steps + 1; *step; step++) {
		write_step(&writing, *step);
		check_invariants(world, steps_text);
	}
	g_autofree char *told = tell_all(world);
	if (strcmp(told, rows[GPOINTER_TO_UINT(data)].told) != 0)
		g_test_fail_printf("%s:\n  is        %s\n  should be %s", steps_text, told, rows[GPOINTER_TO_UINT(data)].told);
}

/* Steps; a dot asks what could be sent. */
static const struct {
	const char *steps, *tasks;
} waits[] = {
	{ "m w:X . up . done .", "[append] [] [move]" },
	{ "m w!:X . up . done .", "[append] [] [remove]" },
	{ "m w:X up again . up fail .", "[append] []" },
	{ "m w:X up hold .", "[]" },
	{ "m w:x . rm .", "[] [move]" },
	{ "m w:x . w:X . up done .", "[] [append] [move]" },
	{ "m w:X rm! .", "[move]" },
	{ "m w:X rm . up done .", "[append] [move]" },
	{ "m w:X undo .", "[]" },
	{ "m w:X up w:Y . done . up done .", "[append] [append] [move move]" }, /* none goes before the last is there */
	{ "m w:X up done w:Y . up done .", "[append] [move move]" },
	{ "m new:V over:M .", "[append]" },
	{ "m new:V up over:M . done .", "[] [move move]" },
	{ "m new:v over:M .", "[]" },
	{ "m new:V up done over:M .", "[move move]" },
	{ "m w:X up w!:Y fail . up done .", "[append] [move]" },
	{ "m w:X up w!:Y fail undo .", "[]" },
	{ "m mv:I~u after:V aside drop . up done .", "[append] [move]" },
	{ "m mv:I~u after:V aside drop mv:A~v after:W aside drop . up done .", "[append] [move]" },
	{ "m w:X up done mv:I~u after:W aside . up done .", "[append] [move move]" },
};

static void
test_wait(World *world, const void *data)
{
	unsigned i = GPOINTER_TO_UINT(data);
	g_auto(GStrv) steps = g_strsplit(waits[i].steps, " ", -1);
	g_autoptr(GString) tasks = g_string_new(NULL);
	Writing writing = { world, begin_with(world, *steps[0]), 0 };

	for (char **step = steps + 1; *step; step++) {
		if (strcmp(*step, ".") != 0) {
			write_step(&writing, *step);
			continue;
		}
		g_autofree char *now = list_tasks(world, LATER);
		g_string_append_printf(tasks, "%s[%s]", tasks->len > 0 ? " " : "", now);
	}
	g_assert_cmpstr(tasks->str, ==, waits[i].tasks);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/store-files/row/%s", rows[i].steps);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_row, world_tear_down);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(waits); i++) {
		g_autofree char *path = g_strdup_printf("/store-files/wait/%s", waits[i].steps);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_wait, world_tear_down);
	}
	return g_test_run();
}
